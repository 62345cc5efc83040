"""Rows of a user's file, whatever its encoding and layout: JSON lines, a JSON array, CSV, TSV, XLSX or Parquet."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_recipes.formats.columns import CONVERSATIONS, WANTED, question_and_answer
from data_recipes.formats.encoding import REPLACED, encoding_of
from data_recipes.formats.json_rows import BrokenArray, array_items, is_array
from data_recipes.formats.jsonl import (
    DamagedLine,
    Line,
    all_text,
    check_file,
    check_texts,
    json_value,
    parsed,
    raw_lines,
)
from data_recipes.formats.tables import TABLES, header_of, read_table
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


@dataclass
class UserRow:
    """One row, and what is wrong with how it is written.

    Attributes:
        number: Of its line.
        item: Its number in a JSON array, whose items may all be on one line; 0 elsewhere.
        value: The object; None where there is none.
        problems: What is wrong, each with its fix; an empty text where there is none.
    """

    number: int
    value: dict[str, Any] | None
    problems: list[tuple[str, str]] = field(default_factory=list)
    item: int = 0

    @property
    def name(self) -> str:
        """Its name in messages about other rows."""
        return f"item {self.item}" if self.item else f"line {self.number}"


def user_rows(path: Path) -> Iterator[UserRow]:
    """Reads a file of rows; what is wrong with a row is reported, not raised.

    Raises:
        UserError: The file is missing or empty, or a table is damaged as a whole.
    """
    check_file(path)
    if path.suffix.lower() in TABLES:
        text = path.suffix.lower() in (".csv", ".tsv")
        rows, encoding = _table_rows(path), encoding_of(path) if text else ""
    else:
        encoding = encoding_of(path)
        rows = _array_rows(path, encoding) if is_array(path, encoding) else _line_rows(path, encoding)
    for place, row in enumerate(rows):
        if not place and encoding in ENCODINGS:
            row.problems.insert(0, ENCODINGS[encoding])
        yield row


def _line_rows(path: Path, encoding: str) -> Iterator[UserRow]:
    for raw in raw_lines(path, encoding):
        problems = []
        if b"\0" in raw.content:
            problems.append(("NUL bytes", "taken out"))
            raw = raw._replace(content=raw.content.replace(b"\0", b""))
        try:
            value = parsed(raw)
        except DamagedLine as damage:
            yield UserRow(raw.number, None, [*problems, (damage.detail, "")])
        else:
            yield UserRow(raw.number, value, problems)


def _array_rows(path: Path, encoding: str) -> Iterator[UserRow]:
    first = [("a JSON array; expected one object per line", "written as JSON lines")]
    item = 0
    try:
        for item, (line, value) in enumerate(array_items(path.read_text(encoding=encoding, errors="replace")), 1):
            flaw = _flaw(value)
            yield UserRow(
                line, None if flaw else value, [*first, (f"item {item}: {flaw}", "")] if flaw else first, item
            )
            first = []
    except BrokenArray as broken:
        problem = (f"{broken.detail}; the rest cannot be read", "")
        yield UserRow(broken.line, None, [*first, problem], item + 1)
        return
    if not item:
        yield UserRow(1, None, [*first, ("the array is empty", "")])


def _flaw(value: Any) -> str:
    """Why an item of an array is no row; nothing where it is one."""
    if not isinstance(value, dict):
        return f"a {type(value).__name__} instead of an object"
    if REPLACED in all_text(value):
        return "a character that cannot be decoded"
    try:
        check_texts(value)
    except DamagedLine as damage:
        return damage.detail
    return ""


def _table_rows(path: Path) -> Iterator[UserRow]:
    header = header_of(path)
    if set(header).isdisjoint(CONVERSATIONS) and not all(question_and_answer(header)):
        yield UserRow(1, None, [(f"the columns are {', '.join(header)}; expected: {WANTED}", "")])
        return
    for row in read_table(path, []):
        where = row.id if isinstance(row, Dropped) else row.where
        line = int(where.rpartition(":")[2])
        if isinstance(row, Dropped):
            yield UserRow(line, None, [(REASONS.get(row.reason, "a character that cannot be decoded"), "")])
        else:
            yield _table_row(line, row)


def _table_row(number: int, line: Line) -> UserRow:
    """The row as it would be on a line of JSON: a conversation as a list, or no such field where its cell is empty."""
    row = dict(line.row)
    for name in CONVERSATIONS:
        said = row.pop(name, "")
        try:
            row |= {name: json_value(said) if isinstance(said, str) else said} if said else {}
        except DamagedLine as damage:
            return UserRow(number, None, [(f"{name}: {damage.detail}", "")])
    return UserRow(number, row)
