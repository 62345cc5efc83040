"""Rows of a table under the names of its header: CSV, TSV, XLSX or Parquet, row by row.

Encodings of text are detected, never guessed: UTF-8 with or without a mark, UTF-16 with one, else GB18030 where every
byte of the file is. Text is separated by what fits the first rows: comma, semicolon or tab.
"""

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from loguru import logger

from common.errors import UserError
from data_recipes.formats import sheets
from data_recipes.formats.columns import Columns, check_header, lacking
from data_recipes.formats.encoding import REPLACED, encoding_of, undecodable
from data_recipes.formats.jsonl import DamagedLine, Line, check_file, check_texts, tell_missing_end
from data_recipes.formats.values import NotText, NoValue, text_of
from data_recipes.schema.dropped import Dropped

DELIMITERS = (",", ";", "\t")
TABLES = (".csv", ".tsv", ".xlsx", ".parquet")
SAMPLED = 20  # rows that show the delimiter
HEADER_WITHIN = 10  # rows: titles and notes may be above the header
AT_ONCE = 1_000  # rows of Parquet in memory


def header_of(path: Path) -> list[str]:
    """The names of the columns; one without a name is called by its number.

    Args:
        path: The file; its ending says what it is.

    Raises:
        UserError: The file is missing, empty or damaged as a whole, two columns have one name, or several sheets have
            rows.
    """
    return _header(path, "", None)[0]


def _header(path: Path, sheet: str, columns: Columns | None) -> tuple[list[str], int]:
    """The names of the columns, and the number of rows above them."""
    check_file(path)
    match path.suffix.lower():
        case ".parquet":
            first = [list(_opened(path).schema_arrow.names)]
        case ".xlsx":
            first = sheets.first_rows(path, sheet, HEADER_WITHIN)
        case _:
            first = _first_rows_of_csv(path, columns)
    above = _rows_above_header(first, columns) or 0
    header, where = next(iter(first[above:]), []), f"{path}:{above + 1}"
    if not any(header):
        raise UserError("the first line has no column names", where=where, fix="add a header")
    if twice := next((name for name in header if name and header.count(name) > 1), ""):
        raise UserError(f"two columns are named {twice!r}", where=where, fix="rename one of them")
    if above:
        _tell_header(path, above)
    return [name or f"column {number}" for number, name in enumerate(header, 1)], above


def _rows_above_header(first: Sequence[list[str]], columns: Columns | None) -> int | None:
    """How many of the first rows are above the one that has all columns; None where none has."""
    if columns is None:
        return None
    found = (above for above, names in enumerate(first[:HEADER_WITHIN]) if not lacking(names, columns))
    return next(found, None)


@cache
def _tell_header(path: Path, above: int) -> None:
    logger.warning("{}: row {} is the header; what is above it is not read", path, above + 1)


def table_rows(path: Path, sheet: str = "", columns: Columns | None = None) -> Iterator[Line | Dropped]:
    """Reads a table with a header, with the values that it holds.

    Args:
        path: As for ``header_of``.
        sheet: The sheet of an XLSX file, where several have rows.
        columns: What a header must have: the first row that has it is the header, where one of ``HEADER_WITHIN`` does.
            None, and where no row has it: the first row.

    Returns:
        Each row, numbered from 1 after the header: cells of text and of sheets as texts, as they are shown, values of
        Parquet as they are; or the reason there is none: ``not_csv``, ``wrong_number_of_fields``, ``nul_bytes``,
        ``row_too_long``, ``not_<encoding>``.
        ``file:line`` is the line of the text, the row of the sheet or the row of the Parquet file.

    Raises:
        UserError: As ``header_of``; several sheets have rows and none is chosen; or a column is missing.
    """
    header, above = _header(path, sheet, columns)
    if columns:
        check_header(header, columns, f"{path}:{above + 1}")
    match path.suffix.lower():
        case ".parquet":
            yield from _parquet(path)
        case ".xlsx":
            for line in sheets.rows(path, sheet, header, above):
                yield _checked(line)
        case _:
            yield from _csv(path, header, above, columns)


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


def _first_rows_of_csv(path: Path, columns: Columns | None) -> list[list[str]]:
    with path.open(encoding=encoding_of(path), errors="replace", newline="") as file:
        rows, damage = _until_damaged(_reader(file, path, columns), HEADER_WITHIN)
    if damage and not rows:
        raise UserError(f"the header is not CSV: {damage}", where=f"{path}:1", fix="copy the file again")
    return [[name.strip() for name in row] for row in rows]


def _until_damaged(reader: Any, count: int) -> tuple[list[list[str]], str]:
    """The first rows, up to one that is damaged or has a quote that belongs to another delimiter; and its damage."""
    rows: list[list[str]] = []
    try:
        for row in islice(reader, count):
            rows.append(row)
    except csv.Error as error:
        return rows, str(error)
    return rows, ""


def _reader(file: TextIO, path: Path, columns: Columns | None) -> Any:
    """A reader at the beginning of a file."""
    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    delimiter = max(DELIMITERS, key=lambda one: (*_fit(file, one, columns), one == usual))
    file.seek(0)
    return csv.reader(file, delimiter=delimiter, strict=True)


def _fit(file: TextIO, delimiter: str, columns: Columns | None) -> tuple[bool, bool, float, int]:
    """How well a delimiter fits: it gives the columns, splits the header, and the first rows like it; and how often."""
    file.seek(0)
    rows, damage = _until_damaged(csv.reader(file, delimiter=delimiter, strict=True), HEADER_WITHIN + SAMPLED)
    above = _rows_above_header([[name.strip() for name in row] for row in rows], columns)
    header, *others = rows[above or 0 :] or [[]]
    lengths = [*(len(fields) for fields in others if fields), *([-1] if damage else [])]
    return above is not None, len(header) > 1, lengths.count(len(header)) / max(1, len(lengths)), len(header)


def _csv(path: Path, header: list[str], above: int, columns: Columns | None) -> Iterator[Line | Dropped]:
    encoding = encoding_of(path)
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        reader = _reader(file, path, columns)
        for _ in range(above + 1):
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
