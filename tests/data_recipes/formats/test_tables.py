"""Tables: separators are found, sheets are read as they are shown, and nothing in them vanishes."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.errors import UserError
from data_recipes.formats.jsonl import Line
from data_recipes.formats.tables import header_of, read_table, table_rows
from data_recipes.formats.values import NoValue
from data_recipes.schema.dropped import Dropped


def rows(path: Path, sheet: str = "") -> list[Any]:
    return [line.row if isinstance(line, Line) else line.reason for line in table_rows(path, sheet)]


@pytest.mark.parametrize("ending", ["csv", "tsv"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_what_splits_the_header(tmp_path: Path, ending: str, separator: str) -> None:
    path = tmp_path / f"rows.{ending}"
    other = "," if separator == ";" else ";"
    lines = [["问,题" if separator != "," else "问;题", "回答"], [f"头痛{other}怎么办", '"多休息\n多喝水"']]
    path.write_text("\n".join(separator.join(line) for line in lines) + "\n", encoding="utf-8")
    assert rows(path) == [{lines[0][0]: lines[1][0], "回答": "多休息\n多喝水"}]


def test_a_single_column_has_no_separator(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("回答\n甲；乙\n", encoding="utf-8")
    assert rows(path) == [{"回答": "甲；乙"}]


@pytest.fixture
def sheet(tmp_path: Path) -> Callable[..., Path]:
    """Writes sheets of cells, by name; what is done to each after that may be given."""
    openpyxl = pytest.importorskip("openpyxl")

    def write(then: Callable[[Any], None] | None = None, **sheets: list[list[Any]]) -> Path:
        book = openpyxl.Workbook()
        book.remove(book.active)
        for name, cells in sheets.items():
            for row in cells:
                book.create_sheet(name).append(row) if name not in book.sheetnames else book[name].append(row)
            if not cells:
                book.create_sheet(name)
        if then:
            then(book)
        path = tmp_path / "rows.xlsx"
        book.save(path)
        return path

    return write


def test_one_of_several_sheets_must_be_chosen(sheet: Callable[..., Path]) -> None:
    path = sheet(说明=[["说明"], ["本表为问答"]], 数据=[["问", "答"], ["头痛？", "休息。"]], Sheet3=[])
    with pytest.raises(UserError, match="several sheets have rows: 说明, 数据"):
        rows(path)
    with pytest.raises(UserError, match="available: 说明, 数据, Sheet3"):
        rows(path, "资料")
    assert rows(path, "数据") == [{"问": "头痛？", "答": "休息。"}]
    assert rows(sheet(数据=[["问", "答"], ["头痛？", "休息。"]], Sheet3=[])) == [{"问": "头痛？", "答": "休息。"}]


@pytest.mark.parametrize(
    ("value", "number_format", "shown"),
    [
        (0.125, "0%", "12.5%"),
        (0.07, "0.0%", "7%"),
        (3.0, "General", "3"),
        (0.1 + 0.2, "General", "0.3"),
        (1.5, "0.00", "1.5"),
        (7, "000", "007"),
        (5, '0"mg"', "5mg"),
        (1200, "¥#,##0", "¥1200"),
        (datetime(2024, 1, 5), "yyyy-mm-dd", "2024-01-05"),
        (True, "General", "TRUE"),
        ("=不是公式", "General", "=不是公式"),
    ],
)
def test_a_cell_is_what_the_sheet_shows(sheet: Callable[..., Path], value: Any, number_format: str, shown: str) -> None:
    def styled(book: Any) -> None:
        cell = book["数据"]["B2"]
        cell.number_format = number_format
        if isinstance(value, str):
            cell.data_type = "s"

    assert rows(sheet(styled, 数据=[["问", "答"], ["多少？", value]]))[0]["答"] == shown


def test_a_cell_merged_over_rows_counts_in_each_of_them(sheet: Callable[..., Path]) -> None:
    cells = [
        ["科室", "问", "答"],
        ["内科", "头痛？", "休息。"],
        [None, "咳嗽？", "喝水。"],
        ["外科", "伤口？", "换药。"],
    ]

    def merge(book: Any) -> None:
        book["数据"].merge_cells("A2:A3")

    assert [row["科室"] for row in rows(sheet(merge, 数据=cells))] == ["内科", "内科", "外科"]


def test_a_formula_without_a_stored_value_and_an_error_are_no_values(sheet: Callable[..., Path]) -> None:
    path = sheet(数据=[["问", "答"], ["头痛？", '="休"&"息"'], ["咳嗽？", "#N/A"]])
    formula, error = (row["答"] for row in rows(path))
    assert isinstance(formula, NoValue) and formula.reason == "formula_without_value"
    assert isinstance(error, NoValue) and error.reason == "cell_error"
    assert [line.reason for line in read_table(path, ["答"]) if isinstance(line, Dropped)] == [
        "formula_without_value",
        "cell_error",
    ]


def test_a_column_without_a_name_has_its_number(sheet: Callable[..., Path], tmp_path: Path) -> None:
    path = sheet(数据=[["问", "答"], ["头痛？", "休息。", "备注"]])
    assert rows(path) == [{"问": "头痛？", "答": "休息。", "column 3": "备注"}]
    path = tmp_path / "rows.csv"
    path.write_text("问,答,\n头痛？,休息。,备注\n", encoding="utf-8")
    assert header_of(path) == ["问", "答", "column 3"]


def test_values_of_parquet_stay_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    schema = pa.schema({"short": pa.float32(), "long": pa.float64(), "flag": pa.bool_(), "list": pa.list_(pa.string())})
    pq.write_table(pa.Table.from_pylist([{"short": 0.1, "long": 2.0, "flag": True, "list": ["甲"]}], schema), path)
    assert rows(path) == [{"short": 0.1, "long": 2.0, "flag": True, "list": ["甲"]}]
    [line] = read_table(path, [])
    assert isinstance(line, Line) and line.row == {"short": "0.1", "long": "2", "flag": True, "list": ["甲"]}
