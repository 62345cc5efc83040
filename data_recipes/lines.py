"""JSON lines, read strictly: every damaged line is named."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from common.errors import UserError


class Line(NamedTuple):
    """One line of a file.

    Attributes:
        number: Counted from 1.
        where: ``file:line`` for messages.
        row: The object on the line.
    """

    number: int
    where: str
    row: dict[str, Any]


def read_lines(path: Path) -> Iterator[Line]:
    """Reads a file of JSON lines; blank lines are passed over.

    Args:
        path: The file, UTF-8.

    Raises:
        UserError: The file is missing, or a line is not UTF-8, not JSON or not an object; the message names it.
    """
    for number, raw in enumerate(read_bytes(path).split(b"\n"), 1):
        if raw.strip():
            where = f"{path}:{number}"
            yield Line(number, where, _object(raw, where))


def read_bytes(path: Path) -> bytes:
    """Reads a source file.

    Raises:
        UserError: It is missing, empty, or holds NUL bytes, as a half-copied file does.
    """
    if not path.is_file():
        raise UserError("the file does not exist", where=str(path), fix="check the path (source.path=… of a build)")
    content = path.read_bytes()
    if not content.strip():
        raise UserError("the file is empty", where=str(path), fix="copy it anew from its origin")
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise UserError("NUL bytes: the file is damaged or UTF-16", where=f"{path}:{line}", fix="copy it anew, as text")
    return content


def _object(raw: bytes, where: str) -> dict[str, Any]:
    try:
        value = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UserError(
            f"not UTF-8 (byte {error.start} of the line)", where=where, fix="save the file as UTF-8"
        ) from None
    except json.JSONDecodeError as error:
        fix = "the line is cut off or broken; one whole object a line is wanted, not an array over several lines"
        raise UserError(f"not JSON: {error.msg} (column {error.colno})", where=where, fix=fix) from None
    if not isinstance(value, dict):
        raise UserError(f"a {type(value).__name__} instead of an object", where=where, fix="write one object a line")
    return value
