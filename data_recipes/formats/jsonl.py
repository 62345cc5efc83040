"""JSON lines, read one by one: a damaged line is named and skipped, and the recipe decides how many it tolerates."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from loguru import logger
from pydantic import BaseModel, ValidationError

from common.errors import UserError
from common.problems import explain
from data_recipes.formats.encoding import REPLACED, undecodable

LONGEST = 4 << 20  # bytes of a line; more is not a row but a file without line breaks
LARGEST = 1 << 20  # characters of a row
_ESCAPED = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_HALF = re.compile(r"[\ud800-\udfff]")


class Line(NamedTuple):
    """One line of a file.

    Attributes:
        number: Counted from 1; no two rows of a file have one.
        where: ``file:line``, the file without its folders.
        row: The object on the line.
        item: Its number where it is an item of an array; else 0.
    """

    number: int
    where: str
    row: dict[str, Any]
    item: int = 0


class Raw(NamedTuple):
    """One line as bytes.

    Attributes:
        number: Counted from 1.
        where: ``file:line``, the file without its folders.
        content: The bytes, up to ``LONGEST``.
        encoding: Theirs.
    """

    number: int
    where: str
    content: bytes
    encoding: str = "utf-8"

    def text(self) -> str:
        """The line, without the mark that a file may begin with.

        Raises:
            DamagedLine: It is too long, has other bytes, or NULs.
        """
        if len(self.content) > LONGEST:
            fix = "is this one JSON array? write lines"
            raise DamagedLine("line_too_long", f"longer than {LONGEST >> 20} MiB", fix)
        try:
            text = self.content.decode(self.encoding).removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            detail = f"not {self.encoding.upper()} (byte {error.start} of the line)"
            raise DamagedLine(undecodable(self.encoding), detail, "save it as UTF-8") from None
        if "\0" in text:
            raise DamagedLine("nul_bytes", "NUL bytes: the file is damaged or UTF-16", "copy it again, as text")
        return text


class DamagedLine(Exception):
    """A line is not an object in JSON.

    Args:
        reason: The reason to count.
        detail: What is wrong, for the user.
        fix: What to do about it.
    """

    def __init__(self, reason: str, detail: str, fix: str) -> None:
        self.reason, self.detail, self.fix = reason, detail, fix
        super().__init__(detail)


def check_file(path: Path) -> None:
    """Says what is wrong with a path before it is opened.

    Raises:
        UserError: There is no such file, it is a folder, or it is empty.
    """
    if path.is_dir():
        raise UserError("this is a folder", where=str(path), fix="give one of its files")
    if not path.is_file():
        raise UserError("the file does not exist", where=str(path), fix="check the path")
    if not path.stat().st_size:
        raise UserError("the file is empty", where=str(path), fix="copy it again from its origin")


def raw_lines(path: Path, encoding: str = "utf-8") -> Iterator[Raw]:
    """The lines of a file that are not blank.

    Args:
        path: The file.
        encoding: As ``encoding_of`` reports it.

    Raises:
        UserError: The file is missing or empty.
    """
    check_file(path)
    if encoding == "utf-16":
        yield from _recoded(path)
        return
    number, name, encoding = 0, path.name, encoding.removesuffix("-sig")
    with path.open("rb") as file:
        while content := file.readline(LONGEST + 1):
            number += 1
            rest = content
            while len(rest) > LONGEST and not rest.endswith(b"\n"):
                rest = file.readline(LONGEST + 1)
            if content.strip():
                yield Raw(number, f"{name}:{number}", content, encoding)


def _recoded(path: Path) -> Iterator[Raw]:
    """UTF-16 cannot be split into lines as bytes; a damaged line stays undecodable."""
    with path.open(encoding="utf-16", errors="replace") as file:
        for number, line in enumerate(file, 1):
            where = f"{path.name}:{number}"
            if REPLACED in line:
                yield Raw(number, where, b"\xff", "utf-16")
            elif line.strip():
                yield Raw(number, where, line.encode())


def tell_missing_end(path: Path) -> None:
    """Warns where the last line of a text or table has no line break: nothing else shows that a file was cut off."""
    _tell_missing_end(path, path.stat().st_size)


@cache
def _tell_missing_end(path: Path, size: int) -> None:
    with path.open("rb") as file:
        file.seek(max(0, size - 2))
        if b"\n" not in file.read():
            logger.warning("{}: the last line has no line break; if the file was cut off, so is its last row", path)


def parsed(raw: Raw) -> dict[str, Any]:
    """The object on a line.

    Raises:
        DamagedLine: There is none.
    """
    value = json_value(raw.text())
    if not isinstance(value, dict):
        raise DamagedLine("not_an_object", f"a {type(value).__name__} instead of an object", "one object per line")
    check_escaped(raw, value)
    return value


def check_escaped(raw: Raw, value: Any) -> None:
    """As ``check_texts``; only where the line has escapes that may be such.

    Raises:
        DamagedLine: There are NULs, halves of characters, or millions of characters.
    """
    if _ESCAPED.search(raw.content):
        check_texts(value)


Model = TypeVar("Model", bound=BaseModel)


def typed_lines(path: Path, of: type[Model], fix: str = "") -> Iterator[tuple[str, Model]]:
    """The lines of a file that somebody wrote by hand: each must be right.

    Args:
        path: The file.
        of: What a line holds.
        fix: Where to look up the keys of a line; by default they are listed.

    Yields:
        ``file:line``, with the folders of the file, and what the line holds.

    Raises:
        UserError: The file is missing or empty, or a line is damaged; the message names file, line and key.
    """
    for raw in raw_lines(path):
        where = f"{path}:{raw.number}"
        try:
            row = parsed(raw)
        except DamagedLine as damage:
            raise UserError(damage.detail, where=where, fix=damage.fix) from None
        try:
            yield where, of.model_validate(row)
        except ValidationError as error:
            detail = error.errors()[0]
            missing = detail["type"] == "missing"
            problem = f"{'.'.join(map(str, detail['loc']))} is missing" if missing else explain([detail], of, row)[0]
            known = fix or f"keys of a line: {', '.join(of.model_fields)}"
            raise UserError(problem, where=where, fix=known) from None


def json_value(text: str) -> Any:
    """The JSON value of a line or a cell.

    Raises:
        DamagedLine: It is not JSON.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        detail = f"not JSON: {error.msg} (column {error.colno})"
        raise DamagedLine("not_json", detail, "it is cut off or broken; expected one whole object per line") from None
    except RecursionError:
        raise DamagedLine("not_json", "nested too deeply", "is this a row?") from None
    except ValueError:
        raise DamagedLine("not_json", "a number with thousands of digits", "is this a row?") from None


def check_texts(value: Any) -> None:
    """Looks in all texts of a row for what must not become training text.

    Raises:
        DamagedLine: There are NULs, halves of characters, or millions of characters.
    """
    text = all_text(value)
    if "\0" in text:
        raise DamagedLine("nul_bytes", "NUL characters", "remove them")
    if _HALF.search(text):
        raise DamagedLine("half_character", "half of a character (a cut emoji?)", "remove it")
    if len(text) > LARGEST:
        raise DamagedLine("row_too_long", f"more than {LARGEST} characters", "is this one row?")


def all_text(value: Any) -> str:
    """All texts in a value, names of fields too."""
    return "".join(_texts(value))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield name
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
