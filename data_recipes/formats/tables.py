"""Rows of a table under the names of its header: CSV, TSV, XLSX or Parquet, row by row.

Encodings of text are detected, never guessed: UTF-8 with or without a mark, UTF-16 with one, else GB18030 where every
byte of the file is.
"""

import csv
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from common.errors import UserError
from data_recipes.formats.encoding import REPLACED, encoding_of, undecodable
from data_recipes.formats.jsonl import DamagedLine, Line, check_file, check_texts, tell_missing_end
from data_recipes.schema.dropped import Dropped

DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": ","}
TABLES = (".csv", ".tsv", ".xlsx", ".parquet")
AT_ONCE = 1_000  # rows of Parquet in memory


def header_of(path: Path) -> list[str]:
    """The names of the columns.

    Raises:
        UserError: The file is missing, empty or damaged as a whole, or two columns have one name.
    """
    check_file(path)
    match path.suffix.lower():
        case ".parquet":
            header = _opened(path).schema_arrow.names
        case ".xlsx":
            header = [_shown(cell).strip() for cell in next(_sheet_rows(path), ())]
        case _:
            header = _csv_header(path)
    if not any(header):
        raise UserError("the first line has no column names", where=f"{path}:1", fix="add a header")
    if twice := next((name for name in header if name and header.count(name) > 1), ""):
        raise UserError(f"two columns are named {twice!r}", where=f"{path}:1", fix="rename one of them")
    return header


def read_table(path: Path, required: Collection[str]) -> Iterator[Line | Dropped]:
    """Reads a table with a header.

    Args:
        path: The file; its ending says what it is.
        required: Columns that must exist.

    Returns:
        Each row with its cells as texts (lists and objects of Parquet as they are, empty cells as ""), numbered from 1
        after the header; or the reason there is none: ``not_csv``, ``wrong_number_of_fields``, ``nul_bytes``,
        ``row_too_long``, ``not_<encoding>``.
        ``file:line`` is the line of the text, the row of the sheet or the row of the Parquet file.

    Raises:
        UserError: The file is missing, empty or damaged as a whole, or lacks a column.
    """
    header = header_of(path)
    if missing := [name for name in required if name not in header]:
        raise UserError(
            f"no column {', '.join(missing)}; the columns are {', '.join(header)}",
            where=f"{path}:1",
            fix="rename the columns",
        )
    match path.suffix.lower():
        case ".parquet":
            yield from _parquet(path)
        case ".xlsx":
            yield from _sheet(path, header)
        case _:
            yield from _csv(path, header)


def _csv_header(path: Path) -> list[str]:
    encoding = encoding_of(path)
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        try:
            return [name.strip() for name in next(_reader(file, path), [])]
        except csv.Error as error:
            raise UserError(f"the header is not CSV: {error}", where=f"{path}:1", fix="copy the file again") from None


def _reader(file: TextIO, path: Path) -> Any:
    return csv.reader(file, delimiter=DELIMITERS.get(path.suffix.lower(), ","), strict=True)


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


def _sheet_rows(path: Path) -> Iterator[tuple[Any, ...]]:
    """The rows of the first sheet, the header first."""
    try:
        import openpyxl  # type: ignore[import-untyped]
    except ImportError:
        raise UserError(
            "reading XLSX needs openpyxl", where=str(path), fix="pip install 'xinglin[documents]', or save it as CSV"
        ) from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        yield from book.worksheets[0].iter_rows(values_only=True)
        book.close()
    except Exception as error:  # a zip of XML: each kind of damage raises another exception
        raise _damaged(path, "XLSX", error) from None


def _sheet(path: Path, header: list[str]) -> Iterator[Line | Dropped]:
    for number, cells in enumerate(_sheet_rows(path)):
        if number and any(cell is not None for cell in cells):
            values = dict.fromkeys(header, "")
            values |= {name: _shown(cell).strip() for name, cell in zip(header, cells, strict=False)}
            yield _checked(Line(number, f"{path.name}:{number + 1}", values))


def _opened(path: Path) -> Any:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(path, "Parquet", error) from None


def _parquet(path: Path) -> Iterator[Line | Dropped]:
    for line in read_parquet(path):
        if isinstance(line, Line):
            values = {name: v if isinstance(v, list | Mapping) else _shown(v) for name, v in line.row.items()}
            line = line._replace(row=values)
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


def _shown(cell: Any) -> str:
    """A cell as users see it: nothing for an empty one, whole numbers without a decimal point."""
    if cell is None:
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _damaged(path: Path, what: str, error: Exception, row: int = 1) -> UserError:
    detail = str(error).splitlines()[0] if str(error) else type(error).__name__
    where, fix = f"{path}:{row}", "copy it again from its origin"
    return UserError(f"this {what} file is damaged: {detail}", where=where, fix=fix)
