"""A hash of a table's content, however it is cut into batches, files and row groups, and however it is compressed."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.hashing import sha256_value

_Take = Callable[[str, bytes | memoryview], None]


class TableDigest:
    """Takes tables one after another; the value depends on all rows in their order."""

    def __init__(self) -> None:
        self._parts: dict[str, Any] = {}

    def update(self, table: pa.Table) -> None:
        """Takes the rows of a table or record batch."""
        for name in table.schema.names:
            column = table[name]
            for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
                _feed(chunk, name, self._take)

    def value(self) -> str:
        """Hex SHA-256 of everything so far."""
        return sha256_value({path: part.hexdigest() for path, part in self._parts.items()})

    def _take(self, path: str, content: bytes | memoryview) -> None:
        self._parts.setdefault(path, hashlib.sha256()).update(content)


def digest(tables: Iterable[pa.Table]) -> str:
    """Hex SHA-256 of all rows of some tables."""
    whole = TableDigest()
    for table in tables:
        whole.update(table)
    return whole.value()


def _feed(column: pa.Array, path: str, take: _Take) -> None:
    """Passes the validity, the lengths and the values of a column, each under its own path."""
    take(f"{path}?", np.asarray(column.is_valid()).tobytes())
    if pa.types.is_struct(column.type):
        for field, child in zip(column.type, column.flatten(), strict=True):
            _feed(child, f"{path}.{field.name}", take)
    elif pa.types.is_list(column.type) or pa.types.is_fixed_size_list(column.type):
        take(f"{path}#", np.asarray(pc.list_value_length(column).fill_null(0)).astype("<i4").tobytes())
        _feed(column.flatten(), f"{path}[]", take)
    elif pa.types.is_string(column.type):
        texts = column.fill_null("")
        take(f"{path}#", np.asarray(pc.binary_length(texts)).astype("<i4").tobytes())
        take(path, _text_bytes(texts))
    else:
        take(path, np.asarray(column.fill_null(0)).tobytes())


def _text_bytes(texts: pa.Array) -> bytes | memoryview:
    """The bytes of all texts, concatenated."""
    _, offsets, values = texts.buffers()
    if not len(texts) or values is None:
        return b""
    edges = np.frombuffer(offsets, np.int32)[[texts.offset, texts.offset + len(texts)]]
    return memoryview(values)[int(edges[0]) : int(edges[1])]
