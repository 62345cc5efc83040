"""The tokenizer that a GGUF file describes: its ids are those that llama.cpp gives a text.

A file names its pre-tokenizer, which llama.cpp has as code. The table of ``models.gguf_export.vocabulary`` says what
each name is in a ``tokenizer.json``; a name that is not in it is refused: texts would get other ids than in llama.cpp.

One difference: Qwen's own tokenizer composes characters first (NFC) and llama.cpp does not. transformers loads Qwen's
own for these models, whatever a directory says, so they are composed here too.
"""

import json
from collections.abc import Sequence
from typing import Any

from gguf import Keys, TokenType
from tokenizers import AddedToken, Tokenizer, processors
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from models.gguf_export.vocabulary import NFC, PRE_TOKENIZERS, PreTokenizer, in_bytes
from models.gguf_import.file import GgufFile
from models.tokenizers.conversion import fast_tokenizer
from models.tokenizers.sentencepiece import Piece, PieceType, SentencePieceModel

BYTE_LEVEL, SENTENCEPIECE = "gpt2", "llama"
NAMED = {"bos_token": Keys.Tokenizer.BOS_ID, "eos_token": Keys.Tokenizer.EOS_ID, "pad_token": Keys.Tokenizer.PAD_ID}
UNKNOWN_ID, BOS_ID, EOS_ID = 0, 1, 2
"""Of SentencePiece, where a file does not say; as in llama.cpp."""
CUT_OUT = (TokenType.CONTROL, TokenType.UNKNOWN)
"""Special tokens."""


def tokenizer_of(file: GgufFile) -> PreTrainedTokenizerBase:
    """The tokenizer of a file, for generation (padding on the left), with its chat template.

    Raises:
        UserError: Its kind or its pre-tokenizer is not known here, or its lists do not fit each other.
    """
    kind = file.require(Keys.Tokenizer.MODEL, str)
    if kind not in (BYTE_LEVEL, SENTENCEPIECE):
        raise file.refuse(
            f"its tokenizer is {kind}, which is not read from GGUF",
            f"available: {BYTE_LEVEL} (byte-level BPE), {SENTENCEPIECE} (SentencePiece BPE)",
        )
    tokenizer = _byte_level(file) if kind == BYTE_LEVEL else _sentencepiece(file, sentencepiece_of(file))
    tokenizer.chat_template = file.get(Keys.Tokenizer.CHAT_TEMPLATE, str, "") or None
    return tokenizer


def is_sentencepiece(file: GgufFile) -> bool:
    """Whether there is a ``tokenizer.model`` to be made of it."""
    return file.metadata.get(Keys.Tokenizer.MODEL) == SENTENCEPIECE


def _tokens(file: GgufFile) -> list[tuple[int, str, TokenType]]:
    """Ids, texts and kinds of the tokens that are used."""
    texts, kinds = file.require(Keys.Tokenizer.LIST, list), file.require(Keys.Tokenizer.TOKEN_TYPE, list)
    if len(texts) != len(kinds) or not set(kinds) <= set(TokenType):
        raise _unfit(file, f"{len(texts)} tokens have {len(kinds)} kinds, or unknown ones")
    tokens = [(id, text, TokenType(kind)) for id, (text, kind) in enumerate(zip(texts, kinds, strict=True))]
    return [token for token in tokens if token[2] != TokenType.UNUSED]


def _byte_level(file: GgufFile) -> PreTrainedTokenizerBase:
    tokens = _tokens(file)
    known = _pre_tokenizer(file, {text for _, text, kind in tokens if kind == TokenType.USER_DEFINED})
    texts = {id: in_bytes(text) if text in known.isolated else text for id, text, _ in tokens}
    vocabulary = {text: id for id, text in texts.items()}
    merges = [merge.split(" ") for merge in file.require(Keys.Tokenizer.MERGES, list)]
    if len(vocabulary) < len(texts):
        raise _unfit(file, "two tokens have one text")
    for merge in merges:
        if len(merge) != 2 or not {*merge, "".join(merge)} <= vocabulary.keys():
            raise _unfit(file, f"the merge {' '.join(merge)!r} is not of two tokens into a third")
    bpe = Tokenizer.from_str(json.dumps(_stored(known, vocabulary, merges)))
    bpe.add_special_tokens([_added(text, special=True) for _, text, kind in tokens if kind in CUT_OUT])
    defined = (text for _, text, kind in tokens if kind == TokenType.USER_DEFINED and text not in known.isolated)
    bpe.add_tokens([_added(text, special=False) for text in defined])
    before, after = _ends(file, texts, opens=known.opens)
    if before or after:
        bpe.post_processor = processors.TemplateProcessing(
            single=" ".join([*before, "$A", *after]),
            special_tokens=[(token, vocabulary[token]) for token in {*before, *after}],
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        padding_side="left",
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
        **_names(file, texts, {**NAMED, "unk_token": Keys.Tokenizer.UNK_ID}),
    )


def _pre_tokenizer(file: GgufFile, user_defined: set[str]) -> PreTokenizer:
    """What the name of the pre-tokenizer stands for; what it isolates are user-defined tokens of the file."""
    name = file.metadata.get(Keys.Tokenizer.PRE)
    named = [known for known in PRE_TOKENIZERS if known.name == name and set(known.isolated) <= user_defined]
    if not named:
        raise file.refuse(
            f"{Keys.Tokenizer.PRE} is {name or 'missing'}: how it splits a text is not known here",
            f"available: {', '.join(dict.fromkeys(known.name for known in PRE_TOKENIZERS))}; "
            "use the model's own directory, or a newer GGUF",
        )
    return max(named, key=lambda known: len(known.isolated))


def _stored(known: PreTokenizer, vocabulary: dict[str, int], merges: Sequence[Sequence[str]]) -> dict[str, Any]:
    """The content of a ``tokenizer.json``."""
    decoder = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    steps = [step | ({"trim_offsets": True} if step["type"] == "ByteLevel" else {}) for step in known.steps]
    model = {"type": "BPE", "vocab": vocabulary, "merges": merges, "ignore_merges": known.whole_words}
    return {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": NFC if known.composes else None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps},
        "post_processor": None,
        "decoder": decoder,
        "model": model,
    }


def sentencepiece_of(file: GgufFile) -> SentencePieceModel:
    """The SentencePiece model of a file; pieces that users may write are ordinary ones in it.

    Raises:
        UserError: It has settings that are not known here, or its lists do not fit each other.
    """
    if (pre := file.get(Keys.Tokenizer.PRE, str, "default")) != "default":
        raise file.refuse(f"{Keys.Tokenizer.PRE} is {pre} in a SentencePiece model", "use the model's own directory")
    if file.get(Keys.Tokenizer.REMOVE_EXTRA_WS, bool, False):
        raise file.refuse("its tokenizer shortens runs of spaces", "use the model's own directory")
    tokens, scores = _tokens(file), file.require(Keys.Tokenizer.SCORES, list)
    texts, used = file.require(Keys.Tokenizer.LIST, list), {id: kind for id, _, kind in tokens}
    if len(scores) != len(texts) or not used:
        raise _unfit(file, f"{len(texts)} tokens have {len(scores)} scores")
    ordinary = {TokenType.USER_DEFINED: TokenType.NORMAL}  # they are cut out of a text before it is split into pieces
    kinds = [used.get(id, TokenType.UNUSED) for id in range(max(used) + 1)]
    pieces = [
        Piece(text, score, PieceType(ordinary.get(kind, kind)))
        for text, score, kind in zip(texts, scores, kinds, strict=False)
    ]
    return SentencePieceModel(
        tuple(_with_symbols(pieces)),
        byte_fallback=TokenType.BYTE in kinds,
        add_dummy_prefix=file.get(Keys.Tokenizer.ADD_PREFIX, bool, True),
        unk_id=file.get(Keys.Tokenizer.UNK_ID, int, UNKNOWN_ID),
        bos_id=file.get(Keys.Tokenizer.BOS_ID, int, BOS_ID),
        eos_id=file.get(Keys.Tokenizer.EOS_ID, int, EOS_ID),
        pad_id=file.get(Keys.Tokenizer.PAD_ID, int, -1),
    )


def _with_symbols(pieces: Sequence[Piece]) -> list[Piece]:
    """The same; ordinary pieces that are no two pieces put together are what SentencePiece calls user-defined.

    The export writes them as ordinary. llama.cpp merges characters that are no pieces; a ``tokenizer.json`` cannot.
    """
    normal = {piece.text for piece in pieces if piece.type == PieceType.NORMAL}

    def is_merged(text: str) -> bool:
        return any(text[:cut] in normal and text[cut:] in normal for cut in range(1, len(text)))

    return [
        piece._replace(type=PieceType.USER_DEFINED)
        if piece.type == PieceType.NORMAL and len(piece.text) > 1 and not is_merged(piece.text)
        else piece
        for piece in pieces
    ]


def _sentencepiece(file: GgufFile, model: SentencePieceModel) -> PreTrainedTokenizerBase:
    texts = dict(enumerate(piece.text for piece in model.pieces))
    before, after = _ends(file, texts, opens=True)
    tokenizer = fast_tokenizer(model, before=before, after=after, **_names(file, texts, NAMED))
    defined = [text for _, text, kind in _tokens(file) if kind == TokenType.USER_DEFINED]
    tokenizer.add_tokens([_added(text, special=False) for text in defined])
    return tokenizer


def _ends(file: GgufFile, texts: dict[int, str], *, opens: bool) -> tuple[list[str], list[str]]:
    """What is put before and after a text with ``add_special_tokens=True``."""
    names = _names(file, texts, NAMED)
    opens = file.get(Keys.Tokenizer.ADD_BOS, bool, opens) and "bos_token" in names
    closes = file.get(Keys.Tokenizer.ADD_EOS, bool, False) and "eos_token" in names
    return [names["bos_token"]] if opens else [], [names["eos_token"]] if closes else []


def _names(file: GgufFile, texts: dict[int, str], keys: dict[str, str]) -> dict[str, str]:
    """The tokens that the file gives a role, by transformers' names of the roles."""
    ids = {role: file.get(key, int, -1) for role, key in keys.items() if key in file.metadata}
    if unknown := [f"{keys[role]}={id}" for role, id in ids.items() if id not in texts]:
        raise _unfit(file, f"{', '.join(unknown)} is no token")
    return {role: texts[id] for role, id in ids.items()}


def _added(text: str, *, special: bool) -> AddedToken:
    return AddedToken(text, special=special, normalized=False)


def _unfit(file: GgufFile, problem: str) -> Exception:
    return file.refuse(f"its tokenizer does not fit itself: {problem}", "use another file of this model")
