"""``tokenizer.model`` of ChatGLM, Baichuan and LLaMA becomes a ``tokenizer.json`` that needs no code from the hub.

The ids are those of the original tokenizer classes. What that takes:

* SentencePiece merges by the score of the merged piece, so every way to split a piece in two is a merge of its rank.
* The dummy prefix (``▁`` before a text) is a normaliser: it then also opens each text that follows a special token, as
  in the original classes, which encode such texts one by one.
* User-defined pieces are never split or merged with their neighbours. Those of one character are ordinary pieces
  that no merge touches; longer ones are added tokens found in the *normalised* text, because one may start with ``▁``.
  They are not special: a user may write them, and decoding keeps them.

The result is saved as the library's own generic class. ``LlamaTokenizer`` would build another pre-tokeniser on loading
and give other ids.

Two inputs give other ids than the original Baichuan 1 class; :class:`~models.tokenizers.pieces.PieceEncoder`, which the
prompt renderer uses, gets the first right and never sees the second:

* a text that is nothing but one user-defined piece of several characters (``---``) lacks its dummy prefix;
* a role token typed inside a text starts a new text, with a dummy prefix after it.

In all families a special token typed into a text is that token, unless ``split_special_tokens=True`` is given.
Where pieces of one score overlap (vocabularies merged by hand), ids follow the order of the vocabulary.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, processors
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from common.errors import UserError
from common.files import read_json
from models.tokenizers.sentencepiece import (
    SPACE,
    ModelType,
    PieceType,
    SentencePieceModel,
    any_of,
    read_model,
)

CHATGLM_PREFIX = ("[gMASK]", "<sop>")
CHATGLM_SPECIALS = ("[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>")
"""``sop`` and ``eop`` in the original; as added tokens they would be split out of "people" and "sophisticated"."""
CHATGLM_ROLES = ("<|system|>", "<|user|>", "<|assistant|>", "<|observation|>")
BAICHUAN_ROLES = {"user_token_id": 195, "assistant_token_id": 196}
"""Ids where generation_config.json names none, as in the original fine-tuning script."""


def chatglm_tokenizer(directory: Path, *, roles: bool) -> PreTrainedTokenizerBase:
    """The tokenizer of ChatGLM2 or ChatGLM3.

    With ``add_special_tokens=True`` a text is preceded by ``[gMASK] <sop>``. There is no token that opens a text;
    ``<unk>`` pads.

    Args:
        directory: The original hub directory.
        roles: Whether there are role tokens, as in ChatGLM3. The files of the two versions do not say.

    Raises:
        UserError: tokenizer.model is missing, damaged, or has settings that would give other ids.
    """
    model = _readable(directory)
    return fast_tokenizer(
        model,
        added=[*CHATGLM_SPECIALS, *(CHATGLM_ROLES if roles else ())],
        before=CHATGLM_PREFIX,
        eos_token=_text_of(model, model.eos_id),
        pad_token=_text_of(model, model.unk_id),
    )


def baichuan_tokenizer(directory: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of Baichuan (7B, 13B) or Baichuan2; the dummy prefix that tokenizer.model asks for says which.

    The role tokens are the reserved pieces that generation_config.json names, by default 195 and 196 where these are
    reserved.

    Args:
        directory: The original hub directory.

    Raises:
        UserError: tokenizer.model is missing or damaged, its settings would give other ids, or a role is not a
            reserved piece.
    """
    model = _readable(directory)
    config = _json(directory / "tokenizer_config.json")
    return fast_tokenizer(
        model,
        special=_baichuan_roles(directory, model),
        # the class of the 7B model adds <s> unless its configuration disables it
        **_ends(model, config, adds_bos=config.get("tokenizer_class") == "BaiChuanTokenizer"),
        bos_token=_text_of(model, model.bos_id),
        eos_token=_text_of(model, model.eos_id),
        pad_token=_text_of(model, model.unk_id),
    )


def llama_tokenizer(directory: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a LLaMA-2 directory that has only tokenizer.model.

    Tokens of added_tokens.json follow the pieces. ``<s>`` opens a text unless tokenizer_config.json disables it.
    Padding is the token that the configuration names, or none.

    Args:
        directory: The original directory.

    Raises:
        UserError: tokenizer.model is missing, damaged, or has settings that would give other ids; the ids in
            added_tokens.json do not continue it.
    """
    model = _readable(directory)
    config = _json(directory / "tokenizer_config.json")
    known = {(piece.text, token_id) for token_id, piece in enumerate(model.pieces)}
    added = dict(_json(directory / "added_tokens.json").items() - known)
    if sorted(added.values()) != list(range(len(model.pieces), len(model.pieces) + len(added))):
        raise UserError(
            f"ids {sorted(added.values())} do not continue the {len(model.pieces)} pieces of tokenizer.model",
            where=str(directory / "added_tokens.json"),
            fix="use tokenizer.model and added_tokens.json from the same model",
        )
    return fast_tokenizer(
        model,
        added=sorted(added, key=lambda text: int(added[text])),
        **_ends(model, config, adds_bos=True),
        bos_token=_text_of(model, model.bos_id),
        eos_token=_text_of(model, model.eos_id),
        pad_token=_name(config.get("pad_token")),
    )


def fast_tokenizer(
    model: SentencePieceModel,
    *,
    special: Sequence[str] = (),
    added: Sequence[str] = (),
    before: Sequence[str] = (),
    after: Sequence[str] = (),
    bos_token: str | None = None,
    eos_token: str | None = None,
    pad_token: str | None = None,
) -> PreTrainedTokenizerBase:
    """A tokenizer for generation (padding on the left) with the ids of a SentencePiece BPE model.

    Args:
        model: The model.
        special: Pieces that are special tokens besides control pieces and ``<unk>``.
        added: Special tokens that follow the pieces, in the order of their ids.
        before: Special tokens put before a text with ``add_special_tokens=True``.
        after: Special tokens put after it.
        bos_token: Token that opens a text.
        eos_token: Token that ends a text.
        pad_token: Token that pads.
    """
    vocabulary = {piece.text: token_id for token_id, piece in enumerate(model.pieces)}
    unknown = _text_of(model, model.unk_id)
    bpe = Tokenizer(
        models.BPE(
            vocab=vocabulary,
            merges=_merges(model),
            unk_token=unknown,
            fuse_unk=True,
            byte_fallback=model.byte_fallback,
        )
    )
    symbols = [t for t in model.of_type(PieceType.USER_DEFINED) if len(t) > 1 and t not in special]
    bpe.normalizer = _normalizer(model, symbols)
    bpe.decoder = _decoder(model)
    specials = dict.fromkeys([unknown, *model.of_type(PieceType.CONTROL), *special, *added])
    bpe.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in specials])
    bpe.add_tokens([AddedToken(text, special=False, normalized=True) for text in symbols])
    if before or after:
        bpe.post_processor = processors.TemplateProcessing(
            single=" ".join([*before, "$A", *after]),
            special_tokens=[(token, bpe.token_to_id(token)) for token in {*before, *after}],
        )
    names = {"bos_token": bos_token, "eos_token": eos_token, "pad_token": pad_token, "unk_token": unknown}
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        padding_side="left",
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
        **{name: token for name, token in names.items() if token is not None},
    )


def _merges(model: SentencePieceModel) -> list[tuple[str, str]]:
    """Every way to split a normal piece into two pieces that may be merged, best score first.

    Of one piece's splits the one with the longest left part comes first: in a run of one character SentencePiece merges
    from the left, so it reaches that one first.
    """
    vocabulary = {piece.text for piece in model.pieces if piece.type == PieceType.NORMAL}
    by_score = sorted((p for p in model.pieces if p.type == PieceType.NORMAL), key=lambda piece: -piece.score)
    return [
        (text[:cut], text[cut:])
        for text, _, _ in by_score
        for cut in range(len(text) - 1, 0, -1)
        if text[:cut] in vocabulary and text[cut:] in vocabulary
    ]


def _normalizer(model: SentencePieceModel, symbols: Sequence[str]) -> normalizers.Normalizer:
    escaped = normalizers.Replace(" ", SPACE)
    if not model.add_dummy_prefix:
        return escaped
    # added tokens found in normalised text are normalised too: the result must have no prefix
    prefix = normalizers.Replace(Regex(rf"\A(?!(?:{any_of(symbols)})?\z)"), SPACE)
    return normalizers.Sequence([escaped, prefix if symbols else normalizers.Prepend(SPACE)])


def _decoder(model: SentencePieceModel) -> decoders.Decoder:
    steps = [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)] if model.add_dummy_prefix else steps)


def _readable(directory: Path) -> SentencePieceModel:
    """The model of a directory, refused where the conversion would give other ids."""
    file = directory / "tokenizer.model"
    model = read_model(file)
    refused = {
        f"a {model.model_type.name} model": model.model_type != ModelType.BPE,
        f"normaliser {model.normalizer!r}": model.normalizer not in ("", "identity"),
        "remove_extra_whitespaces": model.remove_extra_whitespaces,
        "escape_whitespaces=false": not model.escape_whitespaces,
        "treat_whitespace_as_suffix": model.treat_whitespace_as_suffix,
        "no pieces that open and end a text": not {model.bos_id, model.eos_id} <= set(range(len(model.pieces))),
        "unused pieces": bool(model.of_type(PieceType.UNUSED)),
    }
    reasons = [reason for reason, applies in refused.items() if applies]
    if reasons:
        raise UserError(
            f"a tokenizer with {', '.join(reasons)} would get other ids here",
            where=str(file),
            fix="use a model of the ChatGLM, Baichuan or LLaMA families, or one with its own tokenizer.json",
        )
    return model


def _baichuan_roles(directory: Path, model: SentencePieceModel) -> list[str]:
    """The pieces that open a user's and an assistant's message."""
    reserved = {i for i, p in enumerate(model.pieces) if p.type in (PieceType.USER_DEFINED, PieceType.CONTROL)}
    file = directory / "generation_config.json"
    named = {key: value for key, value in _json(file).items() if key in BAICHUAN_ROLES}
    wrong = sorted(set(named.values()) - reserved)
    if wrong:
        raise UserError(
            f"ids {wrong} mark roles, but they are not reserved pieces of tokenizer.model",
            where=str(file),
            fix="use tokenizer.model and generation_config.json from the same model",
        )
    return [_text_of(model, token_id) for token_id in {**BAICHUAN_ROLES, **named}.values() if token_id in reserved]


def _ends(model: SentencePieceModel, config: dict[str, Any], *, adds_bos: bool) -> dict[str, list[str]]:
    """What is put before and after a text, by tokenizer_config.json."""
    before = [_text_of(model, model.bos_id)] if config.get("add_bos_token", adds_bos) else []
    after = [_text_of(model, model.eos_id)] if config.get("add_eos_token", False) else []
    return {"before": before, "after": after}


def _text_of(model: SentencePieceModel, token_id: int) -> str:
    return model.pieces[token_id].text


def _name(token: str | dict[str, Any] | None) -> str | None:
    """A token of tokenizer_config.json: its text, or an ``AddedToken`` as a dictionary."""
    return token["content"] if isinstance(token, dict) else token


def _json(file: Path) -> dict[str, Any]:
    """An optional JSON file of the hub directory."""
    return dict(read_json(file)) if file.is_file() else {}
