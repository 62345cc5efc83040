"""Rows of a table under the names of its header: CSV, TSV, XLSX or Parquet, row by row.

Encodings of text are detected, never guessed: UTF-8 with or without a mark, UTF-16 with one, else GB18030 where every
byte of the file is. Text is separated by what fits the first rows: comma, semicolon or tab.
"""

import csv
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from common.errors import UserError
from data_recipes.formats import sheets
from data_recipes.formats.encoding import REPLACED, encoding_of, undecodable
from data_recipes.formats.jsonl import DamagedLine, Line, check_file, check_texts, tell_missing_end
from data_recipes.formats.values import NotText, NoValue, text_of
from data_recipes.schema.dropped import Dropped

DELIMITERS = (",", ";", "\t")
TABLES = (".csv", ".tsv", ".xlsx", ".parquet")
SAMPLED = 20  # rows that show the delimiter
AT_ONCE = 1_000  # rows of Parquet in memory


def header_of(path: Path, sheet: str = "") -> list[str]:
    """The names of the columns; one without a name is called by its number.

    Raises:
        UserError: The file is missing, empty or damaged as a whole, two columns have one name, or several sheets have
            rows and none is chosen.
    """
    check_file(path)
    match path.suffix.lower():
        case ".parquet":
            header = _opened(path).schema_arrow.names
        case ".xlsx":
            header = sheets.header_of(path, sheet)
        case _:
            header = _csv_header(path)
    if not any(header):
        raise UserError("the first line has no column names", where=f"{path}:1", fix="add a header")
    if twice := next((name for name in header if name and header.count(name) > 1), ""):
        raise UserError(f"two columns are named {twice!r}", where=f"{path}:1", fix="rename one of them")
    return [name or f"column {number}" for number, name in enumerate(header, 1)]


def table_rows(path: Path, sheet: str = "") -> Iterator[Line | Dropped]:
    """Reads a table with a header, with the values that it holds.

    Args:
        path: The file; its ending says what it is.
        sheet: The sheet of an XLSX file, where several have rows.

    Returns:
        Each row, numbered from 1 after the header: cells of text and of sheets as texts, as they are shown, values of
        Parquet as they are; or the reason there is none: ``not_csv``, ``wrong_number_of_fields``, ``nul_bytes``,
        ``row_too_long``, ``not_<encoding>``.
        ``file:line`` is the line of the text, the row of the sheet or the row of the Parquet file.

    Raises:
        UserError: As ``header_of``.
    """
    header = header_of(path, sheet)
    match path.suffix.lower():
        case ".parquet":
            yield from _parquet(path)
        case ".xlsx":
            for line in sheets.rows(path, sheet, header):
                yield _checked(line)
        case _:
            yield from _csv(path, header)


def read_table(path: Path, required: Collection[str]) -> Iterator[Line | Dropped]:
    """Reads a table of texts.

    Args:
        path: The file; its ending says what it is.
        required: Columns that must exist.

    Returns:
        As ``table_rows``, with numbers as texts and empty cells as ""; what has no text stays as it is.

    Raises:
        UserError: As ``header_of``; or a column is missing.
    """
    header = header_of(path)
    if missing := [name for name in required if name not in header]:
        raise UserError(
            f"no column {', '.join(missing)}; the columns are {', '.join(header)}",
            where=f"{path}:1",
            fix="rename the columns",
        )
    return map(_of_texts, table_rows(path))


def _of_texts(line: Line | Dropped) -> Line | Dropped:
    if isinstance(line, Dropped):
        return line
    if flaw := next((value for value in line.row.values() if isinstance(value, NoValue)), None):
        return Dropped(line.where, flaw.reason)
    return line._replace(row={name: _as_text(value) for name, value in line.row.items()})


def _as_text(value: Any) -> Any:
    if isinstance(value, list | Mapping):
        return value
    try:
        return text_of(value)
    except NotText:
        return value


def _csv_header(path: Path) -> list[str]:
    encoding = encoding_of(path)
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        try:
            return [name.strip() for name in next(_reader(file, path), [])]
        except csv.Error as error:
            raise UserError(f"the header is not CSV: {error}", where=f"{path}:1", fix="copy the file again") from None


def _reader(file: TextIO, path: Path) -> Any:
    """A reader at the beginning of a file."""
    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    delimiter = max(DELIMITERS, key=lambda one: (*_fit(file, one), one == usual))
    file.seek(0)
    return csv.reader(file, delimiter=delimiter, strict=True)


def _fit(file: TextIO, delimiter: str) -> tuple[bool, float, int]:
    """How well a delimiter fits: it splits the header at all, the first rows like it, and into how many fields."""
    file.seek(0)
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    header, like_it, rows = 0, 0, 0
    try:
        header = len(next(reader, []))
        for fields in islice(filter(None, reader), SAMPLED):
            rows += 1
            like_it += len(fields) == header
    except csv.Error:  # a quote that belongs to another delimiter, or a damaged row
        rows += 1
    return header > 1, like_it / max(1, rows), header


def _csv(path: Path, header: list[str]) -> Iterator[Line | Dropped]:
    encoding = encoding_of(path)
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        reader = _reader(file, path)
        next(reader)
        number = 0
        while True:
            start = reader.line_num + 1
            try:
                fields = next(reader)
            except StopIteration:
                tell_missing_end(path)
                return
            except csv.Error:  # every line it spans: a stray quote must not turn a thousand rows into one bad row
                yield from (Dropped(f"{path.name}:{line}", "not_csv") for line in range(start, reader.line_num + 1))
                number += reader.line_num + 1 - start
                continue
            if fields:
                number += 1
                yield _row(fields, header, number, f"{path.name}:{start}", undecodable(encoding))


def _row(fields: list[str], header: list[str], number: int, where: str, undecodable: str) -> Line | Dropped:
    text = "".join(fields)
    if "\0" in text:
        return Dropped(where, "nul_bytes")
    if REPLACED in text:
        return Dropped(where, undecodable)
    if len(fields) != len(header):
        return Dropped(where, "wrong_number_of_fields")
    return Line(number, where, {name: field.strip() for name, field in zip(header, fields, strict=True)})


def _opened(path: Path) -> Any:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(path, "Parquet", error) from None


def _parquet(path: Path) -> Iterator[Line | Dropped]:
    schema = _opened(path).schema_arrow
    short = [field.name for field in schema if pa.types.is_float16(field.type) or pa.types.is_float32(field.type)]
    for line in read_parquet(path):
        if isinstance(line, Line) and short:  # 0.1, not the double 0.10000000149011612 that is nearest to it
            values = {name: line.row[name] for name in short if line.row[name] is not None}
            line = line._replace(
                row=line.row | {name: float(np.format_float_positional(np.float32(v))) for name, v in values.items()}
            )
        yield line


def read_parquet(path: Path) -> Iterator[Line | Dropped]:
    """Reads a Parquet file with the values as they are, not as texts.

    Returns:
        Each row, or ``nul_bytes`` or ``row_too_long``; ``file:line`` is the row of the file.

    Raises:
        UserError: The file is missing, empty or damaged.
    """
    check_file(path)
    number = 0
    try:
        for batch in _opened(path).iter_batches(AT_ONCE):
            for row in batch.to_pylist():
                number += 1
                yield _checked(Line(number, f"{path.name}:{number}", row))
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise _damaged(path, "Parquet", error, number + 1) from None


def _checked(line: Line) -> Line | Dropped:
    try:
        check_texts(line.row)
    except DamagedLine as damage:
        return Dropped(line.where, damage.reason)
    return line


def _damaged(path: Path, what: str, error: Exception, row: int = 1) -> UserError:
    detail = str(error).splitlines()[0] if str(error) else type(error).__name__
    where, fix = f"{path}:{row}", "copy it again from its origin"
    return UserError(f"this {what} file is damaged: {detail}", where=where, fix=fix)
