"""The vocabulary of a GGUF, and the pre-tokenizer with which llama.cpp splits a text as the model's own tokenizer does.

llama.cpp knows pre-tokenizers by name, as code. One that it does not know is refused: texts would get other ids than in
training. The embedded model's is not among them, but is one that it knows after 的 and 是 have been cut out; tokens of
the type "user defined" are cut out of a text before anything else.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
from gguf import TokenType
from tokenizers import pre_tokenizers
from transformers import PreTrainedTokenizerBase

from common.errors import UserError
from models.export import SENTENCEPIECE
from models.tokenizers.sentencepiece import ModelType, PieceType, read_model

ADDED_SCORE, UNUSED_SCORE = -1000.0, -10_000.0  # as in files from llama.cpp's own converter

CASED = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
WORDS = r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def _split(regex: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}


def _bytes(*, words: bool) -> dict[str, Any]:
    return {"type": "ByteLevel", "add_prefix_space": False, "use_regex": words}


NFC = {"type": "NFC"}
DIGITS = {"type": "Digits", "individual_digits": True}


@dataclass(frozen=True)
class PreTokenizer:
    """A pre-tokenizer of llama.cpp.

    Attributes:
        name: Its name there.
        steps: What it is in a ``tokenizer.json``.
        isolated: Characters that ``steps`` cuts out first and llama.cpp's does not.
        whole_words: Whether a word that is a token stays whole, whatever the merges say (``ignore_merges``).
        opens: Whether a text is opened by a token, where a file does not say.
        composes: Whether transformers composes characters (NFC) first; llama.cpp does not.
    """

    name: str
    steps: tuple[dict[str, Any], ...]
    isolated: str = ""
    whole_words: bool = False
    opens: bool = False
    composes: bool = False


QWEN2 = (_split(CASED + WORDS % ""), _bytes(words=False))
LLAMA3 = (_split(CASED + WORDS % "{1,3}"), _bytes(words=False))

PRE_TOKENIZERS = (
    PreTokenizer("qwen2", QWEN2, composes=True),
    PreTokenizer("deepseek-r1-qwen", QWEN2, composes=True),
    PreTokenizer("llama-bpe", LLAMA3, whole_words=True, opens=True),
    PreTokenizer("gpt-2", (_bytes(words=True),)),
    PreTokenizer("starcoder", (DIGITS, _bytes(words=True))),
    PreTokenizer("smollm", (DIGITS, _bytes(words=True))),
    PreTokenizer("starcoder", (_split("[的是]"), DIGITS, _bytes(words=True)), isolated="的是"),  # models/embedded.py
)
"""Where two have the same steps, the first one is written."""


@dataclass
class Vocabulary:
    """Tokens in the order of their ids.

    Attributes:
        model: ``gpt2`` (byte-level BPE) or ``llama`` (SentencePiece BPE).
        pre: llama.cpp's name of the pre-tokenizer.
        tokens: Their texts.
        types: What each is for.
        scores: SentencePiece's scores.
        merges: The merges of a byte-level BPE.
        space_prefix: Whether a space is put before every text.
    """

    model: str
    pre: str
    tokens: list[str]
    types: list[TokenType]
    scores: list[float] | None = None
    merges: list[str] | None = None
    space_prefix: bool = False

    def put(self, token_id: int, text: str, kind: TokenType) -> None:
        """Names one id."""
        self.tokens[token_id], self.types[token_id] = text, kind

    def write(self, writer: gguf.GGUFWriter) -> None:
        """Writes it; nothing is ever put before or after a text, because the prompt's template does that."""
        writer.add_tokenizer_model(self.model)
        writer.add_tokenizer_pre(self.pre)
        writer.add_token_list(self.tokens)
        writer.add_token_types(self.types)
        if self.scores is not None:
            writer.add_token_scores(self.scores)
        if self.merges is not None:
            writer.add_token_merges(self.merges)
        writer.add_add_space_prefix(self.space_prefix)
        writer.add_add_bos_token(False)
        writer.add_add_eos_token(False)


def vocabulary_of(directory: Path, tokenizer: PreTrainedTokenizerBase, size: int) -> Vocabulary:
    """The vocabulary of a model directory.

    Args:
        directory: The model directory, in native or original layout.
        tokenizer: Its tokenizer.
        size: Rows of the embeddings; ids without a token are unused.

    Raises:
        UserError: llama.cpp would give texts other ids.
    """
    if (directory / SENTENCEPIECE).is_file():
        return _sentencepiece(directory / SENTENCEPIECE, tokenizer, size)
    return _byte_level(json.loads(tokenizer.backend_tokenizer.to_str()), size, directory)


def _empty(model: str, pre: str, size: int) -> Vocabulary:
    return Vocabulary(model, pre, [f"[PAD{token_id}]" for token_id in range(size)], [TokenType.UNUSED] * size)


def _byte_level(stored: dict[str, Any], size: int, directory: Path) -> Vocabulary:
    pre_tokenizer = _pre_tokenizer(stored, directory)
    vocabulary = _empty("gpt2", pre_tokenizer.name, size)
    ids = stored["model"]["vocab"]
    for text, token_id in ids.items():
        vocabulary.put(token_id, text, TokenType.NORMAL)
    for token in stored["added_tokens"]:
        vocabulary.put(token["id"], token["content"], TokenType.CONTROL if token["special"] else TokenType.USER_DEFINED)
    for character in pre_tokenizer.isolated:
        token_id = ids.get(in_bytes(character))
        if token_id is None:
            raise _refused(f"a tokenizer that isolates {character}, which is not one of its tokens", directory)
        vocabulary.put(token_id, character, TokenType.USER_DEFINED)
    merges = stored["model"]["merges"]
    vocabulary.merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]
    return vocabulary


def _pre_tokenizer(stored: dict[str, Any], directory: Path) -> PreTokenizer:
    model, given = stored["model"], stored["pre_tokenizer"] or {"type": "none"}
    if model["type"] != "BPE" or model.get("byte_fallback"):
        kind = f"{model['type']} with byte fallback" if model.get("byte_fallback") else model["type"]
        raise _refused(f"the tokenizer model {kind} without a {SENTENCEPIECE}", directory)
    if (normalizer := stored["normalizer"]) and normalizer["type"] != NFC["type"]:  # Qwen's, which llama.cpp omits
        raise _refused(f"the normaliser {normalizer['type']}", directory)
    steps = tuple(given["pretokenizers"] if given["type"] == "Sequence" else [given])
    plain = tuple({key: value for key, value in step.items() if key != "trim_offsets"} for step in steps)
    whole_words = bool(model.get("ignore_merges"))
    for known in PRE_TOKENIZERS:
        if known.steps == plain and known.whole_words == whole_words:
            return known
    raise _refused(f"the pre-tokenizer {' + '.join(map(_described, steps))}", directory)


def _described(step: dict[str, Any]) -> str:
    pattern = step.get("pattern", {})
    return " ".join([step["type"], *(repr(value) for value in pattern.values())])


def in_bytes(character: str) -> str:
    """A character as byte-level BPE writes it."""
    [(text, _)] = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(character)
    return str(text)


def _sentencepiece(file: Path, tokenizer: PreTrainedTokenizerBase, size: int) -> Vocabulary:
    model = read_model(file)
    for given, kind in (
        (model.model_type != ModelType.BPE, f"the SentencePiece model {model.model_type.name}"),
        (model.normalizer != "identity", f"the normaliser {model.normalizer}"),
        (model.remove_extra_whitespaces, "a tokenizer that shortens runs of spaces"),
        (model.treat_whitespace_as_suffix, "a tokenizer that puts the space at the end of a word"),
    ):
        if given:
            raise _refused(kind, file)
    vocabulary = _empty("llama", "default", size)
    vocabulary.scores = [piece.score for piece in model.pieces] + [UNUSED_SCORE] * (size - len(model.pieces))
    vocabulary.space_prefix = model.add_dummy_prefix
    for token_id, piece in enumerate(model.pieces):
        # user-defined ones too are normal: llama.cpp puts another dummy prefix after those that it cuts out
        piece_type = PieceType.NORMAL if piece.type == PieceType.USER_DEFINED else piece.type
        vocabulary.put(token_id, piece.text, TokenType(piece_type))
    for token_id, token in tokenizer.added_tokens_decoder.items():
        if token.special or token_id >= len(model.pieces):
            vocabulary.put(token_id, token.content, TokenType.CONTROL if token.special else TokenType.USER_DEFINED)
            vocabulary.scores[token_id] = ADDED_SCORE
    return vocabulary


def _refused(what: str, where: Path) -> UserError:
    return UserError(
        f"llama.cpp has no pre-tokenizer for {what}",
        where=str(where),
        fix=f"available: {', '.join(dict.fromkeys(known.name for known in PRE_TOKENIZERS))}, SentencePiece BPE",
    )
