"""Rows of a JSON file, whatever its layout: objects on lines, arrays, objects over lines, or rows in a wrapper.

Everything in the file is read, also what follows an array; what is no row is named with its line. A file of lines is
read line by line, so a damaged line costs one row. Where values go over lines the file is read value by value, a part
at a time, and ends at the first one that is broken: nothing tells where the next one begins.
"""

import json
import re
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from loguru import logger

from common.errors import UserError
from data_recipes.formats.columns import (
    ANSWER,
    CONVERSATIONS,
    HISTORY,
    INPUTS,
    QUESTION,
    SPEAKER,
    SPLIT,
    SPLITS,
    TEXT,
    field_of_turn,
    first_of,
    question_and_answer,
)
from data_recipes.formats.encoding import REPLACED, encoding_of, undecodable
from data_recipes.formats.jsonl import (
    LONGEST,
    DamagedLine,
    Line,
    Raw,
    all_text,
    check_escaped,
    check_file,
    check_texts,
    json_value,
    raw_lines,
)
from data_recipes.schema.dropped import Dropped

WRAPPERS = ("data", "rows", "items", "examples", "instances", "records", *SPLITS)
BLOCK = 1 << 20  # characters that are read at a time
PEEK = 1 << 16  # characters in which a wrapper shows that it is one
LONGEST_VALUE = 64 << 20  # characters of an item
_WRAPPERS = frozenset(WRAPPERS)
_BETWEEN = re.compile(r"[\ufeff\s,]*")
_KEY = re.compile(r'\s*("(?:[^"\\]|\\.)*")\s*:\s*')
_SCALAR = r'(?:"(?:[^"\\]|\\.)*"|[-+\w.]+)'
_COLUMNS = frozenset((*CONVERSATIONS, *HISTORY, *QUESTION, *INPUTS, *ANSWER))
_WRAPPED = re.compile(  # whatever its name, so that one that is not known is named, and no line is read as a row
    rf'\{{(?:\s*"[^"\\]*"\s*:\s*{_SCALAR}\s*,)*\s*"(?!(?:{"|".join(_COLUMNS)})")[^"\\]*"\s*:\s*\[\s*[{{\[]'
)
_DECODER = json.JSONDecoder(strict=False)  # line breaks inside texts are certain where a value goes over lines
_STRICT = json.JSONDecoder()


class Damaged(NamedTuple):
    """A place in a file that is no row.

    Attributes:
        where: ``file:line``, the file without its folders.
        reason: The reason to count.
        detail: What is wrong, for the user.
        item: Its number where it is an item of an array; else 0.
        raw: The line, where it is one.
    """

    where: str
    reason: str
    detail: str
    item: int = 0
    raw: Raw | None = None


class BrokenValue(Exception):
    """A value is cut off or invalid in the middle: the rest cannot be read.

    Args:
        line: Where it begins.
        detail: What is wrong, for the user.
        item: Its number in the file.
    """

    fix = "copy the file again from its origin"

    def __init__(self, line: int, detail: str, item: int = 0) -> None:
        self.line, self.detail, self.item = line, detail, item
        super().__init__(detail)


class UnknownWrapper(BrokenValue):
    """Rows are in a field of an unknown name, where they may be rows or one conversation.

    Args:
        line: Where it begins.
        name: Of the field.
    """

    fix = f"rename it to one of {', '.join(WRAPPERS)}; to messages where it holds the turns of one conversation"

    def __init__(self, line: int, name: str) -> None:
        super().__init__(line, f"{name!r} holds rows, and is not a known name for that")


def read_objects(path: Path, named: Collection[str] = ()) -> Iterator[Line | Dropped]:
    """Reads a file of JSON in any layout, in whatever encoding is certain.

    Args:
        path: The file.
        named: Columns of rows that the user named: what has one is a row, whatever else it holds.

    Returns:
        Each object; ``number`` is that of the line, in an array that of the item. Or the reason there is none:
        ``not_<encoding>``, ``not_json``, ``not_an_object``, ``nul_bytes``, ``half_character``, ``line_too_long``,
        ``row_too_long``.

    Raises:
        UserError: The file is missing or empty, it has a broken array whose rest cannot be read, or its rows are in a
            field of an unknown name.
    """
    try:
        for found in json_rows(path, named):
            yield found if isinstance(found, Line) else Dropped(found.where, found.reason)
    except BrokenValue as broken:
        raise UserError(broken.detail, where=f"{path}:{broken.line}", fix=broken.fix) from None


def json_rows(path: Path, named: Collection[str] = ()) -> Iterator[Line | Damaged]:
    """As ``read_objects``, for callers that show what is wrong.

    Raises:
        UserError: The file is missing or empty.
        BrokenValue: A value that goes over lines is broken, after the rows before it.
    """
    check_file(path)
    encoding = encoding_of(path)
    if not encoding.startswith("utf-8"):
        _tell_encoding(path, encoding.upper())
    if _goes_over_lines(path, encoding):
        yield from _values(path, encoding, named)
        return
    number = 0
    for raw in raw_lines(path, encoding):
        for row in rows_of_line(raw, number, named):
            number = row.number if isinstance(row, Line) else number
            yield row


def rows_of_line(raw: Raw, before: int, named: Collection[str] = ()) -> Iterator[Line | Damaged]:
    """The row on a line; a list is a conversation or several rows.

    Args:
        raw: The line.
        before: The number of the row before it.
        named: Columns of rows that the user named.
    """
    try:
        value = json_value(raw.text())
        row = _as_row(value)
        parts = [] if row is None else _parts(row)
        if not parts:
            check_escaped(raw, row)
    except DamagedLine as damage:
        yield Damaged(raw.where, damage.reason, damage.detail, raw=raw)
        return
    first = max(before + 1, raw.number)
    if row is not None and parts:
        _tell_around(raw.where.rpartition(":")[0], tuple(name for name in row if name not in parts))
        items = ((item, part) for part in parts for item in row[part])
        for number, (item, part) in enumerate(items, first):
            yield _with_part(_checked(item, raw.where, number, number, raw.encoding, named), part)
    elif row is not None and (name := _unknown_wrapper(row, named)):
        raise UnknownWrapper(raw.number, name)
    elif row is not None:
        yield Line(first, raw.where, row)
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        for number, item in enumerate(value, first):
            yield _checked(item, raw.where, number, number, raw.encoding, named)
    else:
        yield Damaged(raw.where, "not_an_object", f"{_kind(value)} instead of an object", raw=raw)


@cache
def _tell_encoding(path: Path, encoding: str) -> None:
    logger.warning("{}:1: {} instead of UTF-8; reading it as such", path, encoding)


@cache
def _tell_around(file: str, names: tuple[str, ...]) -> None:
    if names:
        logger.warning("{}: next to the rows, and not read: {}", file, ", ".join(names))


def _kind(value: Any) -> str:
    return "an empty list" if value == [] else f"a {type(value).__name__}"


def _as_row(value: Any) -> dict[str, Any] | None:
    """The row that a value is: an object, or a list of turns."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and value and all(map(_is_turn, value)):
        return {CONVERSATIONS[0]: value}
    return None


def _is_turn(value: Any) -> bool:
    return isinstance(value, dict) and bool(field_of_turn(SPEAKER, value) and field_of_turn(TEXT, value))


def _parts(row: dict[str, Any]) -> list[str]:
    """The fields that hold rows, where an object is a wrapper and not a row."""
    if _WRAPPERS.isdisjoint(row):
        return []
    parts = [name for name in WRAPPERS if name in row and isinstance(row[name], list) and _are_rows(row[name])]
    return [] if parts and (any(question_and_answer(row)) or first_of(CONVERSATIONS, row)) else parts


def _are_rows(items: list[Any]) -> bool:
    return bool(items) and all(isinstance(item, dict) and not _is_turn(item) for item in items)


def _unknown_wrapper(row: dict[str, Any], named: Collection[str]) -> str:
    """The name of the field that holds rows, where an object is neither a row nor a wrapper that is known."""
    nested = [name for name, value in row.items() if isinstance(value, list | dict) and name not in _COLUMNS]
    wrappers = [name for name in nested if _holds_rows(row[name])]
    if not wrappers or any(question_and_answer(row)) or first_of(CONVERSATIONS, row) or any(n in row for n in named):
        return ""
    return wrappers[0]


def _holds_rows(value: Any) -> bool:
    """Whether a value is a row that is known by its columns, or the first part of it is; turns alone are none."""
    if isinstance(value, list):
        return bool(value) and _holds_rows(_as_row(value[0]))
    if not isinstance(value, dict) or _is_turn(value):
        return False
    is_row = all(question_and_answer(value)) or bool(first_of(CONVERSATIONS, value))
    return is_row or any(map(_holds_rows, value.values()))


def _with_part(found: Line | Damaged, part: str) -> Line | Damaged:
    """A row with the split that its part of the file is."""
    if isinstance(found, Damaged) or part not in SPLITS:
        return found
    return found._replace(row={SPLIT: SPLITS[part], **found.row})


def _goes_over_lines(path: Path, encoding: str) -> bool:
    """Whether the first value is an array or object that does not end on its line."""
    with path.open(encoding=encoding, errors="replace") as file:
        first = ""
        while not first and (line := file.readline(LONGEST)):
            first = line.strip("\ufeff \t\r\n")
        if not first.startswith(("[", "{")) or _is_whole(first):
            return False
        start = f"{first}\n{file.read(PEEK)}"
        if start[0] == "[":
            return start[1:].lstrip()[:1] in ("{", "[", "]")  # else it is e.g. the [INFO] of a log
        return bool(_WRAPPED.match(start)) or _begins_with_value(start + file.read(LONGEST))


def _is_whole(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _begins_with_value(text: str) -> bool:
    try:
        _STRICT.raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return True


class _Stream:
    """The text of a file, of which a part is in memory at a time."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._held, self._place, self._ended = file, "", 0, False
        self.line = 1

    def next(self) -> str:
        """The next character that is neither space nor comma; nothing at the end."""
        while True:
            self._move(_BETWEEN.match(self._held, self._place).end())  # type: ignore[union-attr]
            if self._place < len(self._held) or not self._more():
                return self._held[self._place : self._place + 1]

    def skip(self) -> None:
        """Skips one character."""
        self._move(self._place + 1)

    def key(self) -> str:
        """The name of a field, up to its value.

        Raises:
            BrokenValue: There is none.
        """
        while not (found := _KEY.match(self._held, self._place)) or found.end() == len(self._held):
            if not self._more():
                raise BrokenValue(self.line, "the name of a field is expected")
        self._move(found.end())
        return str(json.loads(found[1], strict=False))

    def first_item(self) -> Any:
        """The first item of the array that comes next; nothing where that is longer than what is held."""
        if len(self._held) - self._place < PEEK:
            self._more()
        try:
            return _DECODER.raw_decode(self._held, _BETWEEN.match(self._held, self._place + 1).end())[0]  # type: ignore[union-attr]
        except (ValueError, RecursionError):
            return None

    def value(self) -> Any:
        """The next value.

        Raises:
            BrokenValue: It is cut off, invalid, or very long.
        """
        while True:
            try:
                value, end = _DECODER.raw_decode(self._held, self._place)
                if end < len(self._held) or self._ended:  # else a number may go on
                    self._move(end)
                    return value
            except RecursionError:
                raise BrokenValue(self.line, "nested too deeply") from None
            except json.JSONDecodeError as error:
                if self._ended or not _may_go_on(error, len(self._held)):
                    raise BrokenValue(self.line, error.msg) from None
            except ValueError:
                raise BrokenValue(self.line, "a number with thousands of digits") from None
            if len(self._held) - self._place > LONGEST_VALUE:
                raise BrokenValue(self.line, f"longer than {LONGEST_VALUE >> 20} million characters")
            self._more()

    def _move(self, place: int) -> None:
        self.line += self._held.count("\n", self._place, place)
        self._place = place

    def _more(self) -> bool:
        """Reads on; as much as is held, so that a long value is decoded only a few times."""
        block = self._file.read(max(BLOCK, len(self._held) - self._place))
        self._held, self._place, self._ended = self._held[self._place :] + block, 0, not block
        return bool(block)


def _may_go_on(error: json.JSONDecodeError, held: int) -> bool:
    """Whether what is held may be the beginning of a valid value."""
    return error.msg.startswith("Unterminated string") or error.pos > held - len("-Infinity")


def _values(path: Path, encoding: str, named: Collection[str]) -> Iterator[Line | Damaged]:
    """The rows of a file whose values go over lines."""
    number = 0
    with path.open(encoding=encoding, errors="replace") as file:
        text = _Stream(file)
        while text.next():
            is_item = text.next() == "["
            rows = _array(text) if is_item else _object(text, path.name, named)
            try:
                for line, value, part in rows:
                    number += 1
                    where = f"{path.name}:{line}"
                    found = _checked(value, where, number if is_item or part else 0, number, encoding, named)
                    yield _with_part(found, part)
            except UnknownWrapper:
                raise
            except BrokenValue as broken:
                detail = f"item {number + 1} of the array is cut off or broken ({broken.detail})"
                raise BrokenValue(broken.line, detail, number + 1) from None


Placed = tuple[int, Any, str]  # line, value and part of the wrapper


def _array(text: _Stream) -> Iterator[Placed]:
    """The items of an array, or all of them as one conversation."""
    began = text.line
    text.skip()
    turns: list[Any] = []
    while (character := text.next()) != "]":
        if not character:
            raise BrokenValue(text.line, "the array has no end")
        line = text.line
        value = text.value()
        if _is_turn(value):
            turns.append(value)
        else:
            yield line, value, ""
    text.skip()
    if turns:
        yield began, turns, ""


def _object(text: _Stream, name: str, named: Collection[str]) -> Iterator[Placed]:
    """An object as a row, or the rows that it wraps."""
    if text.next() != "{":
        raise BrokenValue(text.line, "neither an array nor an object")
    began = text.line
    row: dict[str, Any] = {}
    parts: list[str] = []
    text.skip()
    while (character := text.next()) != "}":
        if not character:
            raise BrokenValue(text.line, "the object has no end")
        key = text.key()
        if key in WRAPPERS and text.next() == "[" and not any(question_and_answer(row)):
            parts.append(key)
            yield from ((line, value, key) for line, value, _ in _array(text))
        elif text.next() == "[" and _unknown_wrapper({**row, key: [text.first_item()]}, named):
            raise UnknownWrapper(text.line, key)  # before gigabytes of it are read
        else:
            row[key] = text.value()
    text.skip()
    if parts:
        _tell_around(name, tuple(row))
    else:
        yield began, row, ""


def _checked(value: Any, where: str, item: int, number: int, encoding: str, named: Collection[str]) -> Line | Damaged:
    """A value as a row, with its flaws."""
    row = _as_row(value)
    if row is None:
        return Damaged(where, "not_an_object", f"{_kind(value)} instead of an object", item)
    if REPLACED in all_text(row):
        return Damaged(where, undecodable(encoding), "a character that cannot be decoded", item)
    if name := _unknown_wrapper(row, named):
        raise UnknownWrapper(int(where.rpartition(":")[2]), name)
    try:
        check_texts(row)
    except DamagedLine as damage:
        return Damaged(where, damage.reason, damage.detail, item)
    return Line(number, where, row, item)
