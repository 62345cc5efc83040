"""Rows of a user's file, whatever its encoding and layout, as a build reads them, and what is wrong with each."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_recipes.formats.columns import Columns
from data_recipes.formats.encoding import encoding_of
from data_recipes.formats.json_rows import BrokenValue, Damaged, UnknownWrapper, json_rows, rows_of_line
from data_recipes.formats.jsonl import Line, check_file
from data_recipes.formats.tables import TABLES, table_rows
from data_recipes.schema.dropped import Dropped

ENCODINGS = {  # what is wrong with them
    "utf-8-sig": ("a byte order mark before the text", "written as UTF-8 without a mark"),
    "utf-16": ("UTF-16 instead of UTF-8", "written as UTF-8"),
    "gb18030": ("GB18030 instead of UTF-8", "written as UTF-8"),
}
REASONS = {
    "not_csv": "not CSV: an unclosed or misplaced quote",
    "wrong_number_of_fields": "a different number of fields than in the header",
    "nul_bytes": "NUL bytes",
    "half_character": "half of a character (a cut emoji?)",
    "row_too_long": "millions of characters in one row",
}
ARRAY = ("a JSON array; expected one object per line", "written as JSON lines")


@dataclass
class UserRow:
    """One row, and what is wrong with how it is written.

    Attributes:
        number: Of its line.
        item: Its number in a JSON array, whose items may all be on one line; 0 elsewhere.
        value: The fields; None where it is no row.
        problems: What is wrong, each with its fix; an empty text where there is none.
        reason: Why a build counts it as a bad row, where it is no row.
    """

    number: int
    value: dict[str, Any] | None
    problems: list[tuple[str, str]] = field(default_factory=list)
    item: int = 0
    reason: str = ""

    @property
    def name(self) -> str:
        """Its name in messages about other rows."""
        return f"item {self.item}" if self.item else f"line {self.number}"


def user_rows(path: Path, columns: Columns, sheet: str = "") -> Iterator[UserRow]:
    """Reads a file of rows; what is wrong with a row is reported, not raised.

    Args:
        path: The file.
        columns: Which column holds what.
        sheet: The sheet of an XLSX file, where several have rows.

    Raises:
        UserError: The file is missing or empty, or a table is damaged as a whole or lacks a column.
    """
    check_file(path)
    if path.suffix.lower() in TABLES:
        text = path.suffix.lower() in (".csv", ".tsv")
        rows, encoding = _table_rows(path, columns, sheet), encoding_of(path) if text else ""
    else:
        rows, encoding = _json_rows(path, columns), encoding_of(path)
    for place, row in enumerate(rows):
        if not place and encoding in ENCODINGS:
            row.problems.insert(0, ENCODINGS[encoding])
        yield row


def _json_rows(path: Path, columns: Columns) -> Iterator[UserRow]:
    in_array, number = False, 0
    try:
        for found in json_rows(path, columns.named):
            for row in _without_nul(found, number) if isinstance(found, Damaged) else [_of_line(found)]:
                if row.item and not in_array:
                    row.problems.insert(0, ARRAY)
                    in_array = True
                yield row
            number = found.number if isinstance(found, Line) else number
    except UnknownWrapper as unknown:
        yield UserRow(unknown.line, None, [(f"{unknown.detail}; {unknown.fix}", "")], reason="unknown_wrapper")
    except BrokenValue as broken:
        problem = (f"{broken.detail}; the rest cannot be read", "")
        yield UserRow(broken.line, None, [*([] if in_array else [ARRAY]), problem], broken.item, "not_json")


def _of_line(line: Line) -> UserRow:
    return UserRow(_line_number(line.where), line.row, item=line.item)


def _without_nul(damaged: Damaged, before: int) -> Iterator[UserRow]:
    """What cannot be read; without the NUL bytes of its line, where that is all that is wrong with it."""
    number, raw = _line_number(damaged.where), damaged.raw
    if raw is None or b"\0" not in raw.content:
        item = f"item {damaged.item}: " if damaged.item else ""
        yield UserRow(number, None, [(f"{item}{damaged.detail}", "")], damaged.item, damaged.reason)
        return
    for row in rows_of_line(raw._replace(content=raw.content.replace(b"\0", b"")), before):
        flaws = [("NUL bytes", "taken out")] + ([(row.detail, "")] if isinstance(row, Damaged) else [])
        yield UserRow(number, row.row if isinstance(row, Line) else None, flaws, row.item, damaged.reason)


def _table_rows(path: Path, columns: Columns, sheet: str) -> Iterator[UserRow]:
    for row in table_rows(path, sheet, columns):
        if isinstance(row, Dropped):
            problem = (REASONS.get(row.reason, "a character that cannot be decoded"), "")
            yield UserRow(_line_number(row.id), None, [problem], reason=row.reason)
        else:
            yield _of_line(row)


def _line_number(where: str) -> int:
    return int(where.rpartition(":")[2])
