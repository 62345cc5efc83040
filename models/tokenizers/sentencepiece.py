"""Reads, writes and trains SentencePiece models (``tokenizer.model``) without the sentencepiece or protobuf packages.

The file is one protobuf message, ``ModelProto``: the pieces, how they were trained, how text is normalised. Only the
fields that decide ids are read; field numbers and defaults are those of ``sentencepiece_model.proto``.
"""

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from common.errors import UserError
from common.files import refuse_lfs_pointer

SPACE = "▁"
"""What SentencePiece writes for a space."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class PieceType(IntEnum):
    """What a piece is for."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


class ModelType(IntEnum):
    """How the pieces were found."""

    UNIGRAM = 1
    BPE = 2
    WORD = 3
    CHAR = 4


class Piece(NamedTuple):
    """One entry of the vocabulary; its place in the list is its id."""

    text: str
    score: float
    type: PieceType


@dataclass(frozen=True)
class SentencePieceModel:
    """The content of a ``tokenizer.model``.

    Attributes:
        pieces: The vocabulary in the order of ids.
        model_type: How the pieces were found, and so how text is split into them.
        byte_fallback: Whether a character without a piece becomes its UTF-8 bytes.
        add_dummy_prefix: Whether a space is put before every text.
        remove_extra_whitespaces: Whether runs of spaces are shortened.
        escape_whitespaces: Whether a space is written ``▁``.
        treat_whitespace_as_suffix: Whether the space ends a word instead of opening it.
        normalizer: Name of the normaliser; ``identity`` changes nothing.
        unk_id: Id of the unknown piece.
        bos_id: Id that opens a text, -1 for none.
        eos_id: Id that ends a text, -1 for none.
        pad_id: Id of padding, -1 for none.
    """

    pieces: tuple[Piece, ...]
    model_type: ModelType = ModelType.BPE
    byte_fallback: bool = True
    add_dummy_prefix: bool = True
    remove_extra_whitespaces: bool = False
    escape_whitespaces: bool = True
    treat_whitespace_as_suffix: bool = False
    normalizer: str = "identity"
    unk_id: int = 0
    bos_id: int = 1
    eos_id: int = 2
    pad_id: int = -1

    def of_type(self, *types: PieceType) -> list[str]:
        """The texts of all pieces of these types, in the order of ids."""
        return [piece.text for piece in self.pieces if piece.type in types]


def read_model(file: Path) -> SentencePieceModel:
    """Reads a ``tokenizer.model``.

    Raises:
        UserError: The file is missing, a Git LFS pointer, damaged, or not a SentencePiece model.
    """
    if not file.is_file():
        raise UserError("no tokenizer.model here", where=str(file), fix="download the model's tokenizer.model again")
    refuse_lfs_pointer(file)
    content = file.read_bytes()
    try:
        return _model(content)
    except (ValueError, LookupError, struct.error) as error:
        raise UserError(
            f"damaged, or not a SentencePiece model ({error})",
            where=str(file),
            fix="download the model's tokenizer.model again and compare its size",
        ) from error


def write_model(model: SentencePieceModel, file: Path) -> None:
    """Writes a ``tokenizer.model`` that the sentencepiece package reads too."""
    pieces = b"".join(
        _field(
            1,
            _field(1, piece.text.encode()) + _key(2, _FIXED32) + struct.pack("<f", piece.score) + _field(3, piece.type),
        )
        for piece in model.pieces
    )
    trainer = (
        _field(3, model.model_type)
        + _field(4, len(model.pieces))
        + _field(24, model.treat_whitespace_as_suffix)
        + b"".join(_field(31, text.encode()) for text in model.of_type(PieceType.USER_DEFINED))
        + _field(35, model.byte_fallback)
        + _field(40, model.unk_id)
        + _field(41, model.bos_id)
        + _field(42, model.eos_id)
        + _field(43, model.pad_id)
    )
    normalizer = (
        _field(1, model.normalizer.encode())
        + _field(3, model.add_dummy_prefix)
        + _field(4, model.remove_extra_whitespaces)
        + _field(5, model.escape_whitespaces)
    )
    file.write_bytes(pieces + _field(2, trainer) + _field(3, normalizer))


def train_bpe(
    corpus: Sequence[str],
    vocab_size: int,
    *,
    dummy_prefix: bool,
    user_defined: Sequence[str] = (),
    control: Sequence[str] = ("<s>", "</s>"),
    byte_fallback: bool = True,
) -> SentencePieceModel:
    """Trains a small BPE model with the settings of ChatGLM and Baichuan: digits split, nothing normalised.

    Ids are laid out as SentencePiece does: ``<unk>``, control pieces, user-defined ones, the 256 bytes, merges from
    the most to the least frequent, single characters.

    Args:
        corpus: Texts.
        vocab_size: Number of pieces.
        dummy_prefix: Whether a space is put before every text.
        user_defined: Texts that are always one piece.
        control: Pieces that no text contains; the first opens a text and the second ends it.
        byte_fallback: Whether a character without a piece becomes its UTF-8 bytes.

    Returns:
        The model, for :func:`write_model`.

    Raises:
        UserError: The corpus is too small for that many pieces, or the fixed pieces alone exceed the number.
    """
    pieces = [Piece("<unk>", 0.0, PieceType.UNKNOWN)]
    pieces += [Piece(text, 0.0, PieceType.CONTROL) for text in control]
    pieces += [Piece(text, 0.0, PieceType.USER_DEFINED) for text in user_defined]
    pieces += [Piece(byte_piece(byte), 0.0, PieceType.BYTE) for byte in range(256 if byte_fallback else 0)]
    learned = _learned(corpus, vocab_size - len(pieces), dummy_prefix, user_defined)
    if len(pieces) + len(learned) != vocab_size:
        raise UserError(
            f"{vocab_size} pieces are not possible: {len(pieces)} are fixed and the corpus yields {len(learned)}",
            where="vocab_size",
            fix=f"choose {len(pieces) + len(learned)}, or give a larger corpus",
        )
    pieces += [Piece(text, -float(rank), PieceType.NORMAL) for rank, text in enumerate(learned)]
    return SentencePieceModel(tuple(pieces), byte_fallback=byte_fallback, add_dummy_prefix=dummy_prefix)


def byte_piece(byte: int) -> str:
    """The piece that stands for one byte, e.g. ``<0x0A>``."""
    return f"<0x{byte:02X}>"


def _learned(corpus: Sequence[str], count: int, dummy_prefix: bool, user_defined: Sequence[str]) -> list[str]:
    """Up to ``count`` pieces: those that merges make, in the order of the merges, then single characters."""
    trainer = trainers.BpeTrainer(vocab_size=max(count, 0), limit_alphabet=max(count // 2, 0), show_progress=False)
    bpe = Tokenizer(models.BPE())
    escaped = normalizers.Replace(" ", SPACE)
    bpe.normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), escaped]) if dummy_prefix else escaped
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            *([pre_tokenizers.Split(Regex(any_of(user_defined)), "removed")] if user_defined else []),
            pre_tokenizers.Split(Regex(f"{SPACE}+"), "merged_with_next"),
            pre_tokenizers.Split(Regex(r"[\n\t\r]"), "isolated"),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.Punctuation("isolated"),
        ]
    )
    bpe.train_from_iterator(corpus, trainer)
    state = json.loads(bpe.to_str())["model"]
    merged = list(dict.fromkeys("".join(pair) for pair in state["merges"]))
    characters = [text for text in state["vocab"] if len(text) == 1]
    return merged + characters


def any_of(texts: Sequence[str]) -> str:
    """A regular expression (Oniguruma) that matches the longest of these texts, spaces as SentencePiece writes them."""
    special = set(r"\.^$|?*+()[]{}")
    longest_first = sorted((text.replace(" ", SPACE) for text in texts), key=len, reverse=True)
    return "|".join("".join(f"\\{char}" if char in special else char for char in text) for text in longest_first)


def _model(content: bytes) -> SentencePieceModel:
    top = list(_fields(content))
    pieces = tuple(_piece(_as_bytes(value)) for number, value in top if number == 1)
    if not pieces or not {2, 3} <= {number for number, _ in top}:
        raise ValueError("pieces or settings are missing")
    trainer = dict(_fields(b"".join(_as_bytes(value) for number, value in top if number == 2)))
    normalizer = dict(_fields(b"".join(_as_bytes(value) for number, value in top if number == 3)))
    return SentencePieceModel(
        pieces,
        model_type=ModelType(_as_int(trainer.get(3, ModelType.UNIGRAM))),
        byte_fallback=bool(trainer.get(35, False)),
        add_dummy_prefix=bool(normalizer.get(3, True)),
        remove_extra_whitespaces=bool(normalizer.get(4, True)),
        escape_whitespaces=bool(normalizer.get(5, True)),
        treat_whitespace_as_suffix=bool(trainer.get(24, False)),
        normalizer=_as_bytes(normalizer.get(1, b"")).decode(),
        unk_id=_as_int(trainer.get(40, 0)),
        bos_id=_as_int(trainer.get(41, 1)),
        eos_id=_as_int(trainer.get(42, 2)),
        pad_id=_as_int(trainer.get(43, -1)),
    )


def _piece(content: bytes) -> Piece:
    fields = dict(_fields(content))
    (score,) = struct.unpack("<f", _as_bytes(fields.get(2, b"\0\0\0\0")))
    return Piece(_as_bytes(fields[1]).decode(), score, PieceType(_as_int(fields.get(3, PieceType.NORMAL))))


def _fields(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and values of one message: a varint as int, everything else as bytes."""
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(content, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint(content, at)
        else:
            size = {_FIXED64: 8, _FIXED32: 4}.get(kind, -1)
        if size < 0 or at + size > len(content):
            raise ValueError(f"field {number} at byte {at} is truncated or unreadable")
        yield number, content[at : at + size]
        at += size


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _as_bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where text was expected")
    return value


def _as_int(value: int | bytes) -> int:
    """A protobuf int32: negative numbers are written as 64-bit two's complement."""
    if isinstance(value, bytes):
        raise ValueError("text where a number was expected")
    return value - (1 << 64) if value >= 1 << 63 else value


def _key(number: int, kind: int) -> bytes:
    return _varint_bytes(number << 3 | kind)


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return _key(number, _BYTES) + _varint_bytes(len(value)) + value
    return _key(number, _VARINT) + _varint_bytes(value & (1 << 64) - 1)


def _varint_bytes(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
