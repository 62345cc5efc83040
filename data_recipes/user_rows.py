"""Rows of a user's file, whatever its encoding and layout: JSON lines, a JSON array or CSV."""

import codecs
import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.errors import UserError
from data_recipes.csv_rows import REPLACED
from data_recipes.lines import DamagedLine, Raw, parsed, raw_lines

BLOCK = 1 << 20
BOMS = {"utf-8-sig": codecs.BOM_UTF8, "utf-16": codecs.BOM_UTF16_LE, "utf-16 ": codecs.BOM_UTF16_BE}
QUESTION = ("instruction", "question", "prompt")
ANSWER = ("output", "answer", "response", "completion")


@dataclass
class UserRow:
    """One row, and what is wrong with how it is written.

    Attributes:
        number: Of its line.
        value: The object; None where there is none.
        problems: What is wrong, each with how it is mended; an empty text where it cannot be.
    """

    number: int
    value: dict[str, Any] | None
    problems: list[tuple[str, str]] = field(default_factory=list)


def user_rows(path: Path) -> Iterator[UserRow]:
    """Reads a file of rows; what is wrong with a row is told, not raised.

    Raises:
        UserError: The file is missing or empty.
    """
    if not path.is_file():
        raise UserError("the file does not exist", where=str(path), fix="check the path")
    if not path.stat().st_size:
        raise UserError("the file is empty", where=str(path), fix="copy it anew from its origin")
    encoding, problems = encoding_of(path)
    for place, row in enumerate(_rows(path, encoding)):
        if not place:
            row.problems[:0] = problems
        yield row


def encoding_of(path: Path) -> tuple[str, list[tuple[str, str]]]:
    """The encoding of a file, and what is wrong with it, if it is not plain UTF-8."""
    with path.open("rb") as file:
        start = file.read(4)
    for name, mark in BOMS.items():
        if start.startswith(mark):
            told = "a byte order mark before the text" if name == "utf-8-sig" else "UTF-16 instead of UTF-8"
            return name.strip(), [(told, "written as UTF-8 without a mark")]
    if _decodes(path, "utf-8"):
        return "utf-8", []
    if _decodes(path, "gb18030"):
        return "gb18030", [("GB18030 instead of UTF-8", "written as UTF-8")]
    return "utf-8", []  # damaged here and there: the lines are named


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        try:
            while block := file.read(BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _rows(path: Path, encoding: str) -> Iterator[UserRow]:
    if path.suffix.lower() in (".csv", ".tsv"):
        yield from _csv_rows(path, encoding)
    elif _is_array(path, encoding):
        yield from _array_rows(path, encoding)
    else:
        yield from _line_rows(path, encoding)


def _is_array(path: Path, encoding: str) -> bool:
    with path.open(encoding=encoding, errors="replace") as file:
        return file.read(1000).lstrip().startswith("[")


def _line_rows(path: Path, encoding: str) -> Iterator[UserRow]:
    for raw in _utf8_lines(path, encoding):
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


def _utf8_lines(path: Path, encoding: str) -> Iterator[Raw]:
    if encoding != "utf-16":
        for raw in raw_lines(path):
            yield raw if encoding != "gb18030" else raw._replace(content=_utf8(raw.content, encoding))
        return
    with path.open(encoding=encoding, errors="replace") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield Raw(number, f"{path.name}:{number}", line.encode())


def _utf8(content: bytes, encoding: str) -> bytes:
    return content.decode(encoding, "replace").encode()


def _array_rows(path: Path, encoding: str) -> Iterator[UserRow]:
    text = path.read_text(encoding=encoding, errors="replace")
    decoder = json.JSONDecoder()
    place, line = text.index("[") + 1, 1
    problem = ("a JSON array; one object a line is wanted", "written as JSON lines")
    first = [problem]
    while True:
        start = _next_item(text, place)
        line += text.count("\n", place, start)
        if start >= len(text) or text[start] == "]":
            if start >= len(text):
                yield UserRow(line, None, [*first, ("not JSON: the array is cut off", "")])
            elif first:
                yield UserRow(line, None, [*first, ("the array is empty", "")])
            return
        try:
            value, place = decoder.raw_decode(text, start)
        except (json.JSONDecodeError, RecursionError) as error:
            yield UserRow(line, None, [*first, (f"not JSON: {error}", "")])
            return
        if isinstance(value, dict):
            yield UserRow(line, value, first)
        else:
            yield UserRow(line, None, [*first, (f"a {type(value).__name__} instead of an object", "")])
        line += text.count("\n", start, place)
        first = []


def _next_item(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t\r\n,":
        place += 1
    return place


def _csv_rows(path: Path, encoding: str) -> Iterator[UserRow]:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            header = [name.strip() for name in next(reader)]
        except csv.Error as error:
            yield UserRow(1, None, [(f"not CSV: {error}", "")])
            return
        asked, answered = _one_of(QUESTION, header), _one_of(ANSWER, header)
        if not asked or not answered:
            wanted = f"wanted: one of {', '.join(QUESTION)} and one of {', '.join(ANSWER)}"
            yield UserRow(1, None, [(f"the columns are {', '.join(header)}; {wanted}", "")])
            return
        while True:
            line = reader.line_num + 1
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield UserRow(line, None, [(f"not CSV: {error}", "")])
                continue
            if fields:
                yield _csv_row(
                    line, dict(zip(header, fields, strict=False)), len(fields) == len(header), asked, answered
                )


def _csv_row(line: int, row: dict[str, str], whole: bool, asked: str, answered: str) -> UserRow:
    if not whole:
        return UserRow(line, None, [("another number of fields than in the header", "")])
    texts = [row[asked], row.get("input", ""), row[answered]]
    problems = []
    if any(REPLACED in text for text in texts):
        return UserRow(line, None, [("a character that cannot be decoded", "")])
    if any("\0" in text for text in texts):
        problems.append(("NUL bytes", "taken out"))
        texts = [text.replace("\0", "") for text in texts]
    return UserRow(line, dict(zip(("instruction", "input", "output"), texts, strict=True)), problems)


def _one_of(names: tuple[str, ...], header: list[str]) -> str:
    return next((name for name in names if name in header), "")
