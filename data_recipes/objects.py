"""Rows of a JSON file in either layout: one object a line, or one array of objects."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from common.errors import UserError
from data_recipes.lines import DamagedLine, Line, Raw, parsed, read_lines
from data_recipes.rows import Dropped

_BETWEEN = re.compile(r"[\s,]*")
PEEK = 1 << 16  # characters in which the first character of the text must stand


def read_objects(path: Path, encoding: str = "utf-8") -> Iterator[Line | Dropped]:
    """Reads a file of JSON lines, or one array of objects.

    Args:
        path: The file.
        encoding: Of the file; a byte order mark of UTF-8 is passed over.

    Returns:
        Each object; ``number`` is that of the line, in an array that of the item. Why there is none: as
        ``lines.read_lines`` says.

    Raises:
        UserError: The file is missing or empty, or it is an array that is broken: what comes after cannot be read.
    """
    encoding = encoding.removesuffix("-sig")
    if path.is_file() and _is_array(path, encoding):
        yield from _items(path, encoding)
    elif encoding == "utf-8":
        yield from read_lines(path)
    else:
        yield from _other_lines(path, encoding)


def _is_array(path: Path, encoding: str) -> bool:
    with path.open(encoding=_without_mark(encoding), errors="replace") as file:
        return file.read(PEEK).lstrip().startswith("[")


def _without_mark(encoding: str) -> str:
    return "utf-8-sig" if encoding == "utf-8" else encoding


def _other_lines(path: Path, encoding: str) -> Iterator[Line | Dropped]:
    with path.open(encoding=encoding, errors="replace") as file:
        for number, line in enumerate(file, 1):
            raw = Raw(number, f"{path.name}:{number}", line.encode())
            if line.strip():
                try:
                    yield Line(number, raw.where, parsed(raw))
                except DamagedLine as damage:
                    yield Dropped(raw.where, damage.reason)


def _items(path: Path, encoding: str) -> Iterator[Line | Dropped]:
    text, decoder = _text(path, encoding), json.JSONDecoder(strict=False)
    place, line, number = text.index("[") + 1, 1 + text.count("\n", 0, text.index("[")), 0
    while True:
        start = _BETWEEN.match(text, place).end()  # type: ignore[union-attr]
        line += text.count("\n", place, start)
        if text[start : start + 1] == "]":
            return
        try:
            value, place = decoder.raw_decode(text, start)
        except (json.JSONDecodeError, RecursionError) as error:
            raise UserError(
                f"item {number + 1} of the array is cut off or broken ({error})",
                where=f"{path}:{line}",
                fix="copy the file anew from its origin",
            ) from None
        number, where = number + 1, f"{path.name}:{line}"
        if not isinstance(value, dict):
            yield Dropped(where, "not_an_object")
        elif "\0" in text[start:place] or "\\u0000" in text[start:place]:
            yield Dropped(where, "nul_bytes")
        else:
            yield Line(number, where, value)
        line += text.count("\n", start, place)


def _text(path: Path, encoding: str) -> str:
    content = path.read_bytes()
    try:
        return content.decode(_without_mark(encoding))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"not {encoding.upper()} (byte {error.start})", where=f"{path}:{line}", fix="save the file as UTF-8"
        ) from None
