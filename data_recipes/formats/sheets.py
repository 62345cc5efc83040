"""Rows of a sheet of an XLSX file, with cells as the sheet shows them: 12.5 %, 2024-01-05, 007.

A cell that is merged over rows says the same in each of them. A formula counts with the value that was last stored;
where there is none, and where a cell shows an error, the cell has no value, which is not the same as an empty one.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from loguru import logger

from common.errors import UserError
from data_recipes.formats.jsonl import Line
from data_recipes.formats.values import NoValue, text_of

DIGITS = 15  # of a number that a sheet stores
_FORMAT = re.compile(r'((?:"[^"]*"|\\.|\[\$[^\]]*\]|[¥$€£])*)([#0,.?]+)(%?)((?:"[^"]*"|\\.)*)')  # e.g. 0.0"mg"
_LITERAL = re.compile(r'"([^"]*)"|\\(.)|\[\$([^\]-]*)[^\]]*\]|(.)')


def first_rows(path: Path, sheet: str, count: int) -> list[list[str]]:
    """The first rows of a sheet, empty ones too, one of which is the header.

    Raises:
        UserError: The file is damaged, there is no such sheet, or several have rows and none is chosen.
    """
    book = _opened(path, read_only=True, data_only=True)
    try:
        name = _chosen(path, sheet, {one.title: _has_rows(one) for one in book.worksheets})
        first = list(book[name].iter_rows(max_row=count, values_only=True))
        width = book[name].max_column or max(map(len, first), default=0)
    except UserError:
        raise
    except Exception as error:  # a zip of XML: each kind of damage raises another exception
        raise _damaged(path, error) from None
    finally:
        book.close()
    shown = [["" if cell is None else f"{_shown(cell, '')}".strip() for cell in row] for row in first]
    return [row + [""] * (width - len(row)) for row in shown]


def rows(path: Path, sheet: str, header: list[str], above: int) -> Iterator[Line]:
    """The rows below the header that are not empty.

    Args:
        path: The file.
        sheet: The sheet, where several have rows.
        header: A name for each column.
        above: The number of rows above the header.

    Raises:
        UserError: As ``first_rows``.
    """
    try:
        found = _opened(path)
        name = _chosen(path, sheet, {one.title: _has_rows(one) for one in found.worksheets})
        cells = found[name]
        stored = _opened(path, data_only=True)[name] if _has_formulas(cells) else cells
        of_merged = _merged_over_rows(cells, above + 1, path)
        for number, row in enumerate(cells.iter_rows(min_row=above + 2), 1):
            if any(cell.value is not None for cell in row):
                shown = [_value(cells[of_merged.get(cell.coordinate, cell.coordinate)], stored) for cell in row]
                values = {f"column {place}": text for place, text in enumerate(shown[len(header) :], len(header) + 1)}
                values = dict.fromkeys(header, "") | dict(zip(header, shown, strict=False)) | values
                yield Line(number, f"{path.name}:{above + 1 + number}", values)
    except UserError:
        raise
    except Exception as error:  # a zip of XML: each kind of damage raises another exception
        raise _damaged(path, error) from None


def _opened(path: Path, **options: bool) -> Any:
    try:
        import openpyxl  # type: ignore[import-untyped]
    except ImportError:
        raise UserError(
            "reading XLSX needs openpyxl", where=str(path), fix="pip install 'xinglin[documents]', or save it as CSV"
        ) from None
    try:
        return openpyxl.load_workbook(path, **options)
    except Exception as error:  # a zip of XML: each kind of damage raises another exception
        raise _damaged(path, error) from None


def _chosen(path: Path, sheet: str, filled: dict[str, bool]) -> str:
    """The name of the sheet to read."""
    if sheet:
        if sheet not in filled:
            raise UserError(f"there is no sheet {sheet!r}", where=str(path), fix=f"available: {', '.join(filled)}")
        return sheet
    with_rows = [name for name, has_rows in filled.items() if has_rows]
    if len(with_rows) > 1:
        raise UserError(
            f"several sheets have rows: {', '.join(with_rows)}",
            where=str(path),
            fix=f"name the one to read: source.sheet={with_rows[0]} (of validate: sheet={with_rows[0]})",
        )
    return next(iter(with_rows), next(iter(filled)))


def _has_rows(sheet: Any) -> bool:
    return any(cell is not None for row in sheet.iter_rows(values_only=True) for cell in row)


def _has_formulas(sheet: Any) -> bool:
    return any(cell.data_type == "f" for row in sheet.iter_rows() for cell in row)


def _merged_over_rows(sheet: Any, header: int, path: Path) -> dict[str, str]:
    """The cell that holds the value of each cell below it, by their coordinates, in rows below the header."""
    over_rows = [area for area in sheet.merged_cells.ranges if area.max_row > area.min_row > header]
    if over_rows:
        _tell_merged(path, len(over_rows))
    return {
        sheet.cell(row, area.min_col).coordinate: sheet.cell(area.min_row, area.min_col).coordinate
        for area in over_rows
        for row in range(area.min_row + 1, area.max_row + 1)
    }


@cache
def _tell_merged(path: Path, areas: int) -> None:
    logger.warning("{}: {} cells are merged over rows; each of the rows gets the value", path, areas)


def _value(cell: Any, stored: Any) -> str | NoValue:
    """What a cell shows."""
    kind, value = cell.data_type, cell.value
    if kind == "f":
        kind, value = stored[cell.coordinate].data_type, stored[cell.coordinate].value
        if value is None:
            return NoValue("formula_without_value", "a formula without a stored value (save the file in a spreadsheet)")
    if kind == "e":
        return NoValue("cell_error", f"the error {value}")
    return _shown(value, cell.number_format).strip()


def _shown(value: Any, number_format: str) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return _number(Decimal(f"{value:.{DIGITS}g}") if isinstance(value, float) else Decimal(value), number_format)
    if isinstance(value, str | date | datetime | time | None):
        return text_of(value)
    return f"{value}"  # a duration


def _number(value: Decimal, number_format: str) -> str:
    """A number with the sign, unit and leading zeros of its format, and all of its digits."""
    found = _FORMAT.match(number_format)
    if not found:
        return text_of(_plain(value))
    before, digits, percent, after = found.groups()
    text = text_of(_plain(value * 100 if percent else value))
    if set(digits) == {"0"}:
        text = text.zfill(len(digits))
    return f"{_literal(before)}{text}{percent}{_literal(after)}"


def _plain(value: Decimal) -> Decimal:
    return value.to_integral_value() if value == value.to_integral_value() else value.normalize()


def _literal(text: str) -> str:
    return "".join("".join(parts) for parts in _LITERAL.findall(text))


def _damaged(path: Path, error: Exception) -> UserError:
    detail = str(error).splitlines()[0] if str(error) else type(error).__name__
    return UserError(f"this XLSX file is damaged: {detail}", where=f"{path}:1", fix="copy it again from its origin")
