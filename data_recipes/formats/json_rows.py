"""Rows of a JSON file in either layout: one object per line, or one array of objects."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from loguru import logger

from common.errors import UserError
from data_recipes.formats.encoding import REPLACED, encoding_of, undecodable
from data_recipes.formats.jsonl import DamagedLine, Line, all_text, check_file, check_texts, parsed, raw_lines
from data_recipes.schema.dropped import Dropped

_BETWEEN = re.compile(r"[\s,]*")
PEEK = 1 << 16  # the text must begin within this many characters


def read_objects(path: Path) -> Iterator[Line | Dropped]:
    """Reads a file of JSON lines, or one array of objects, in whatever encoding is certain.

    Args:
        path: The file.

    Returns:
        Each object; ``number`` is that of the line, in an array that of the item. Or the reason there is none:
        ``not_<encoding>``, ``not_json``, ``not_an_object``, ``nul_bytes``, ``half_character``, ``line_too_long``,
        ``row_too_long``.

    Raises:
        UserError: The file is missing or empty, or it is a broken array whose rest cannot be read.
    """
    check_file(path)
    encoding = encoding_of(path)
    if not encoding.startswith("utf-8"):
        _tell_encoding(path, encoding.upper())
    if is_array(path, encoding):
        yield from _items(path, encoding)
        return
    for raw in raw_lines(path, encoding):
        try:
            yield Line(raw.number, raw.where, parsed(raw))
        except DamagedLine as damage:
            yield Dropped(raw.where, damage.reason)


@cache
def _tell_encoding(path: Path, encoding: str) -> None:
    logger.warning("{}:1: {} instead of UTF-8; reading it as such", path, encoding)


def is_array(path: Path, encoding: str) -> bool:
    """Whether the file is one array; lines with an array each are not."""
    with path.open(encoding=encoding, errors="replace") as file:
        return file.read(PEEK).lstrip("\ufeff \t\r\n").startswith("[")


class BrokenArray(Exception):
    """An array is cut off or invalid in the middle: the rest cannot be read.

    Args:
        line: Where the unreadable item begins.
        detail: What is wrong, for the user.
    """

    def __init__(self, line: int, detail: str) -> None:
        self.line, self.detail = line, detail
        super().__init__(detail)


def array_items(text: str) -> Iterator[tuple[int, Any]]:
    """Each item of an array with its line.

    Raises:
        BrokenArray: After the readable items.
    """
    decoder = json.JSONDecoder(strict=False)
    place, number = text.index("[") + 1, 0
    line = 1 + text.count("\n", 0, place)
    while True:
        start = _BETWEEN.match(text, place).end()  # type: ignore[union-attr]
        line += text.count("\n", place, start)
        if text[start : start + 1] == "]":
            return
        try:
            value, place = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            raise BrokenArray(line, f"item {number + 1} of the array is cut off or broken ({error})") from None
        number += 1
        yield line, value
        line += text.count("\n", start, place)


def _items(path: Path, encoding: str) -> Iterator[Line | Dropped]:
    number = 0
    try:
        for line, value in array_items(path.read_text(encoding=encoding, errors="replace")):
            number += 1
            yield _item(Line(number, f"{path.name}:{line}", value), encoding)
    except BrokenArray as broken:
        raise UserError(
            broken.detail, where=f"{path}:{broken.line}", fix="copy the file again from its origin"
        ) from None


def _item(line: Line, encoding: str) -> Line | Dropped:
    if not isinstance(line.row, dict):
        return Dropped(line.where, "not_an_object")
    if REPLACED in all_text(line.row):
        return Dropped(line.where, undecodable(encoding))
    try:
        check_texts(line.row)
    except DamagedLine as damage:
        return Dropped(line.where, damage.reason)
    return line
