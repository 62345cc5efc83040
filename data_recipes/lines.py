"""JSON lines, read one by one: a damaged line is named and passed over, and the recipe decides how many it stands."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from common.errors import UserError
from data_recipes.rows import Dropped

LONGEST = 4 << 20  # bytes of a line; more is not one row but a file without line ends


class Line(NamedTuple):
    """One line of a file.

    Attributes:
        number: Counted from 1.
        where: ``file:line``, the file without its folders.
        row: The object on the line.
    """

    number: int
    where: str
    row: dict[str, Any]


class Raw(NamedTuple):
    """One line as bytes.

    Attributes:
        number: Counted from 1.
        where: ``file:line``, the file without its folders.
        content: The bytes, without what is beyond ``LONGEST``.
    """

    number: int
    where: str
    content: bytes


class DamagedLine(Exception):
    """A line is not an object in JSON.

    Args:
        reason: The word that is counted.
        detail: What is wrong, for a person.
        fix: What to do about it.
    """

    def __init__(self, reason: str, detail: str, fix: str) -> None:
        self.reason, self.detail, self.fix = reason, detail, fix
        super().__init__(detail)


def read_lines(path: Path) -> Iterator[Line | Dropped]:
    """Reads a file of JSON lines; blank lines are passed over.

    Args:
        path: The file, UTF-8.

    Returns:
        Each object, or why there is none: ``not_utf8``, ``not_json``, ``not_an_object``, ``nul_bytes``,
        ``line_too_long``.

    Raises:
        UserError: The file is missing or empty.
    """
    for raw in raw_lines(path):
        try:
            yield Line(raw.number, raw.where, parsed(raw))
        except DamagedLine as damage:
            yield Dropped(raw.where, damage.reason)


def raw_lines(path: Path) -> Iterator[Raw]:
    """The lines of a file that are not blank.

    Raises:
        UserError: The file is missing or empty.
    """
    if not path.is_file():
        raise UserError("the file does not exist", where=str(path), fix="check the path (source.path=… of a build)")
    if not path.stat().st_size:
        raise UserError("the file is empty", where=str(path), fix="copy it anew from its origin")
    number = 0
    with path.open("rb") as file:
        while content := file.readline(LONGEST + 1):
            number += 1
            rest = content
            while len(rest) > LONGEST and not rest.endswith(b"\n"):
                rest = file.readline(LONGEST + 1)
            if content.strip():
                yield Raw(number, f"{path.name}:{number}", content)


def parsed(raw: Raw) -> dict[str, Any]:
    """The object on a line.

    Raises:
        DamagedLine: There is none.
    """
    if len(raw.content) > LONGEST:
        raise DamagedLine("line_too_long", f"longer than {LONGEST >> 20} MiB", "is this one JSON array? write lines")
    if b"\0" in raw.content:
        raise DamagedLine("nul_bytes", "NUL bytes: the file is damaged or UTF-16", "copy it anew, as text")
    try:
        value = json.loads(raw.content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DamagedLine("not_utf8", f"not UTF-8 (byte {error.start} of the line)", "save it as UTF-8") from None
    except json.JSONDecodeError as error:
        detail = f"not JSON: {error.msg} (column {error.colno})"
        raise DamagedLine("not_json", detail, "it is cut off or broken; one whole object a line is wanted") from None
    except RecursionError:
        raise DamagedLine("not_json", "nested too deeply", "is this a row?") from None
    if not isinstance(value, dict):
        raise DamagedLine("not_an_object", f"a {type(value).__name__} instead of an object", "one object a line")
    return value
