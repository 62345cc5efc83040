"""A GGUF file: its header, and the rows of its tensors (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).

The header is read here and not by ``gguf.GGUFReader``, which makes two arrays of every token, and where a file is
damaged may never return, or ends in an error about arrays.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import gguf
import numpy as np
from gguf import GGMLQuantizationType as TensorType
from gguf import GGUFValueType as ValueType
from gguf import Keys

from common.errors import UserError
from common.files import refuse_lfs_pointer

T = TypeVar("T")

MAGIC = b"GGUF"
VERSIONS = (2, 3)
ALIGNMENT = 32
"""Of the tensors, where the file does not say."""
MOST_DIMENSIONS = 4
CHUNK = 1 << 24
"""Values of a tensor that are dequantised at once."""
UNQUANTISED = (TensorType.F32, TensorType.F16, TensorType.BF16)

SCALARS = {
    **{ValueType.UINT8: "<u1", ValueType.UINT16: "<u2", ValueType.UINT32: "<u4", ValueType.UINT64: "<u8"},
    **{ValueType.INT8: "<i1", ValueType.INT16: "<i2", ValueType.INT32: "<i4", ValueType.INT64: "<i8"},
    **{ValueType.FLOAT32: "<f4", ValueType.FLOAT64: "<f8", ValueType.BOOL: "<b1"},
}


class _Damaged(Exception):
    """The header says something that cannot be."""


@dataclass(frozen=True)
class GgufTensor:
    """A tensor of a file.

    Attributes:
        name: Its name.
        type: How its values are stored.
        shape: Its shape, rows first, as in torch.
        start: Place of its first byte in the file.
    """

    name: str
    type: TensorType
    shape: tuple[int, ...]
    start: int

    @property
    def row_bytes(self) -> int:
        """Bytes of a row, which is quantised apart from the others."""
        values, size = gguf.GGML_QUANT_SIZES[self.type]
        return self.shape[-1] // values * size

    @property
    def bytes(self) -> int:
        """Bytes of the tensor."""
        return prod(self.shape[:-1]) * self.row_bytes


@dataclass(frozen=True)
class GgufFile:
    """A GGUF file whose header was read.

    Attributes:
        path: The file.
        metadata: Values by key.
        tensors: The tensors by name.
    """

    path: Path
    metadata: dict[str, Any]
    tensors: dict[str, GgufTensor]

    @classmethod
    def open(cls, path: Path) -> "GgufFile":
        """Reads the header.

        Raises:
            UserError: It is no GGUF file, damaged or cut off, a part of a split model, an adapter, or of another byte
                order or version.
        """
        try:
            with path.open("rb") as opened:
                header = _Header(opened, path)
                header.check_beginning()
                file = cls(path, *header.content())
        except (_Damaged, UnicodeDecodeError) as error:
            raise UserError(f"a damaged GGUF file: {error}", where=str(path), fix=COPY_AGAIN) from None
        file._check_kind()
        file._check_tensors()
        return file

    def get(self, key: str, kind: type[T], default: T) -> T:
        """A value of the metadata.

        Raises:
            UserError: It is of another kind.
        """
        value = self.metadata.get(key, default)
        if not isinstance(value, kind):
            raise self.refuse(f"{key} is {value!r}", "use a file that llama.cpp's own converter wrote")
        return value

    def require(self, key: str, kind: type[T]) -> T:
        """A value of the metadata that must be there.

        Raises:
            UserError: It is missing, or of another kind.
        """
        if key not in self.metadata:
            raise self.refuse(f"{key} is missing", "use a file that llama.cpp's own converter wrote")
        return self.get(key, kind, self.metadata[key])

    def refuse(self, problem: str, fix: str) -> UserError:
        """An error about this file, to be raised."""
        return UserError(problem, where=str(self.path), fix=fix)

    @property
    def quantised_as(self) -> str:
        """The types of its quantised tensors and their numbers, most frequent first; empty where none is."""
        types = Counter(tensor.type for tensor in self.tensors.values() if tensor.type not in UNQUANTISED)
        return ", ".join(f"{kind.name} × {number}" for kind, number in types.most_common())

    def rows(self, tensor: GgufTensor, order: np.ndarray | None) -> Iterator[np.ndarray]:
        """The rows of a tensor in blocks: as stored where it is not quantised, else dequantised to float32.

        Args:
            tensor: The tensor.
            order: Its rows in the order in which they are needed, ``[rows]``; None for that of the file.

        Raises:
            UserError: The file was cut off meanwhile.
        """
        stored = np.fromfile(self.path, np.uint8, tensor.bytes, offset=tensor.start)
        if len(stored) < tensor.bytes:
            raise self.refuse(f"the file ends in {tensor.name}", COPY_AGAIN)
        rows = stored.reshape(-1, tensor.row_bytes)
        step = max(1, CHUNK // tensor.shape[-1])
        for start in range(0, len(rows), step):
            block = rows[start : start + step] if order is None else rows[order[start : start + step]]
            yield block if tensor.type in UNQUANTISED else gguf.dequantize(block, tensor.type)

    def _check_kind(self) -> None:
        if (parts := self.get(Keys.Split.LLM_KV_SPLIT_COUNT, int, 1)) > 1:
            number = self.get(Keys.Split.LLM_KV_SPLIT_NO, int, 0) + 1
            raise self.refuse(
                f"this is part {number} of {parts} of a model",
                "merge them first, with llama.cpp's: llama-gguf-split --merge FIRST-PART.gguf WHOLE.gguf",
            )
        if (kind := self.get(Keys.General.TYPE, str, gguf.GGUFType.MODEL)) != gguf.GGUFType.MODEL:
            raise self.refuse(f"this GGUF is no model but of the type {kind!r}", "give the GGUF of a language model")

    def _check_tensors(self) -> None:
        """Checks that the file is long enough, and that every type can be dequantised."""
        if not self.tensors:
            raise self.refuse("there is no tensor in it: a vocabulary alone", "give the GGUF of a language model")
        size = self.path.stat().st_size
        last = max(self.tensors.values(), key=lambda tensor: tensor.start + tensor.bytes)
        if missing := max(0, last.start + last.bytes - size):
            raise self.refuse(f"the file is cut off: {missing:,} bytes are missing after byte {size:,}", COPY_AGAIN)
        for kind in {tensor.type for tensor in self.tensors.values()} - set(UNQUANTISED):
            try:
                gguf.dequantize(np.zeros((1, gguf.GGML_QUANT_SIZES[kind][1]), np.uint8), kind)
            except NotImplementedError:
                raise self.refuse(
                    f"its weights are {kind.name}, which cannot be dequantised here",
                    "use another file of this model: F16, Q8_0, or one that ends in _K_M",
                ) from None


COPY_AGAIN = "copy or download it again, and compare its size and SHA-256 with the source's"


class _Header:
    """Reads the header from its first byte to its last."""

    def __init__(self, opened: BinaryIO, path: Path) -> None:
        self.opened, self.path = opened, path
        self.left = os.fstat(opened.fileno()).st_size

    def check_beginning(self) -> None:
        """Checks that this is a GGUF file of a known version."""
        refuse_lfs_pointer(self.path)
        begins = self.opened.read(len(MAGIC))
        self.opened.seek(0)
        if not begins.startswith(MAGIC):
            raise UserError(
                f"no GGUF file: it begins with {begins!r} instead of {MAGIC!r}",
                where=str(self.path),
                fix="give a model directory, or FILE.gguf; files of llama.cpp from before 2023-08 are not read",
            )
        self.take(len(MAGIC))
        version = self.number(4)
        if version not in VERSIONS:
            what = f"version {version}" if version & 0xFFFF else "a big-endian file"
            raise UserError(
                f"this GGUF is {what}",
                where=str(self.path),
                fix=f"use a little-endian file of version {' or '.join(map(str, VERSIONS))}",
            )

    def content(self) -> tuple[dict[str, Any], dict[str, GgufTensor]]:
        """The metadata and the tensors."""
        tensors, values = self.number(8), self.number(8)
        metadata = {}
        for _ in range(values):
            key = self.text()
            metadata[key] = self.value(self.kind())
        described = [self.tensor() for _ in range(tensors)]
        alignment = metadata.get(Keys.General.ALIGNMENT, ALIGNMENT)
        if not isinstance(alignment, int) or alignment < 1:
            raise _Damaged(f"{Keys.General.ALIGNMENT} is {alignment!r}")
        begins = -(-self.opened.tell() // alignment) * alignment
        return metadata, {name: GgufTensor(name, kind, shape, begins + at) for name, kind, shape, at in described}

    def tensor(self) -> tuple[str, TensorType, tuple[int, ...], int]:
        """Name, type, shape and place of a tensor; the file has the innermost dimension first."""
        name = self.text()
        dimensions = self.number(4)
        if not 0 < dimensions <= MOST_DIMENSIONS:
            raise _Damaged(f"{name} has {dimensions} dimensions")
        shape = tuple(int(size) for size in reversed(self.numbers("<u8", dimensions)))
        number = self.number(4)
        try:
            kind = TensorType(number)
        except ValueError:
            raise _Damaged(f"{name} is of type {number}, which does not exist, or is newer than this program") from None
        if 0 in shape or shape[-1] % gguf.GGML_QUANT_SIZES[kind][0]:
            raise _Damaged(f"{name} of {kind.name} has the shape {shape}")
        return name, kind, shape, self.number(8)

    def kind(self) -> ValueType:
        """The type of a value."""
        number = self.number(4)
        try:
            return ValueType(number)
        except ValueError:
            raise _Damaged(f"a value of type {number}, which does not exist") from None

    def value(self, kind: ValueType) -> Any:
        """A value of the metadata."""
        if kind == ValueType.STRING:
            return self.text()
        if kind != ValueType.ARRAY:
            return self.numbers(SCALARS[kind], 1)[0]
        kind, length = self.kind(), self.number(8)
        if length > self.left:
            raise _Damaged(f"a list of {length:,} values in {self.left:,} bytes")
        if kind in SCALARS:
            return self.numbers(SCALARS[kind], length)
        return [self.value(kind) for _ in range(length)]

    def text(self) -> str:
        """A text, after its length."""
        return self.take(self.number(8)).decode()

    def number(self, size: int) -> int:
        """A whole number of that many bytes."""
        return int.from_bytes(self.take(size), "little")

    def numbers(self, kind: str, count: int) -> list[Any]:
        """Numbers of one type (a name of numpy's)."""
        return list(np.frombuffer(self.take(np.dtype(kind).itemsize * count), kind).tolist())

    def take(self, count: int) -> bytes:
        """The next bytes."""
        if count > self.left:
            raise _Damaged(
                f"it ends in its header, of which at least {count:,} bytes follow byte {self.opened.tell():,}"
            )
        self.left -= count
        return self.opened.read(count)
