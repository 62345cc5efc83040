"""CSV, read record by record in a given encoding: a damaged record is named and passed over."""

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from common.errors import UserError
from data_recipes.rows import Dropped

REPLACED = "\N{REPLACEMENT CHARACTER}"
PEEK = 1 << 20  # bytes that are looked at to tell the encoding


class Record(NamedTuple):
    """One record of a CSV file.

    Attributes:
        number: Counted from 1, after the header.
        where: ``file:line`` of its first line, the file without its folders.
        fields: The texts, without space around them.
    """

    number: int
    where: str
    fields: list[str]


def read_csv(path: Path, columns: list[str], encoding: str) -> Iterator[Record | Dropped]:
    """Reads a CSV file with a header.

    Args:
        path: The file.
        columns: What the header must say.
        encoding: E.g. ``gb18030`` or ``utf-8-sig``.

    Returns:
        Each record, or why there is none: ``not_csv``, ``wrong_number_of_fields``, ``nul_bytes``, ``not_<encoding>``.

    Raises:
        UserError: The file is missing or empty, its header is another, or it is in another encoding.
    """
    _check(path, encoding)
    with path.open("rb") as file:
        reader = csv.reader((line.decode(encoding, "replace") for line in file), strict=True)
        header = next(reader)
        if header != columns:
            raise UserError(
                f"columns {header} instead of {columns}", where=f"{path}:1", fix="rename or reorder the columns"
            )
        yield from _records(reader, path.name, len(columns), f"not_{encoding}")


def _records(reader: Any, name: str, width: int, undecodable: str) -> Iterator[Record | Dropped]:
    number = 0
    while True:
        number, where = number + 1, f"{name}:{reader.line_num + 1}"
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Dropped(where, "not_csv")
            continue
        text = "".join(fields)
        if "\0" in text:
            yield Dropped(where, "nul_bytes")
        elif REPLACED in text:
            yield Dropped(where, undecodable)
        elif len(fields) != width:
            yield Dropped(where, "wrong_number_of_fields")
        else:
            yield Record(number, where, [field.strip() for field in fields])


def _check(path: Path, encoding: str) -> None:
    if not path.is_file():
        raise UserError("the file does not exist", where=str(path), fix="check the path (source.path=… of a build)")
    with path.open("rb") as file:
        start = file.read(PEEK)
    if not start.strip():
        raise UserError("the file is empty", where=str(path), fix="copy it anew from its origin")
    if not encoding.startswith("utf") and not start.isascii() and _is_utf8(start):
        # decoding it as GB18030 may succeed and give nonsense
        name = encoding.upper()
        raise UserError(f"UTF-8 instead of {name}", where=f"{path}:1", fix=f"iconv -f UTF-8 -t {name}")


def _is_utf8(start: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return True
