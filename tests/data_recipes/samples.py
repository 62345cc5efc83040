"""Small files in published formats, written for these tests."""

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_recipes.dataset.dataset import hash_of
from data_recipes.dataset.digest import digest
from data_recipes.leakage.normalise import LATIN_BELOW, LATIN_RUN, RUN, runs
from data_recipes.schema.arrow import to_table
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.sources.read_notes import ReadNotes

FIXTURES = Path(__file__).parent / "fixtures"


def items_of(read: Iterable[Example | Dropped | ReadNotes]) -> list[Example | Dropped]:
    """What a source reads of its rows, without the columns that it notes at the end."""
    return [item for item in read if not isinstance(item, ReadNotes)]


TOPICS = ["头痛", "咳嗽", "腹泻", "失眠", "皮疹", "牙痛", "耳鸣", "便秘", "心悸", "眩晕", "鼻塞", "腰痛"]
PEOPLE = ["老人", "孩子", "孕妇", "司机", "教师", "学生", "运动员", "厨师"]


def questions() -> list[str]:
    """96 different questions without a common run of 13 characters."""
    return [f"{who}{topic}怎么办？" for topic in TOPICS for who in PEOPLE]


def bencao_rows() -> list[dict[str, str]]:
    """Valid rows in Bencao's format."""
    return [{"instruction": q, "input": "", "output": f"{q[:-1]}：先休息，再去看医生。"} for q in questions()]


def toyhom_rows() -> list[list[str]]:
    """Valid rows in Toyhom's format."""
    return [["内科", q, f"{q[:-1]}，请问严重吗？", f"{q[:-1]}要看原因，先观察，再去医院。"] for q in questions()]


def write_jsonl(path: Path, rows: list[Any]) -> Path:
    """Writes JSON lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def write_csv(path: Path, rows: list[list[str]], encoding: str = "gb18030") -> Path:
    """Writes a CSV with Toyhom's header."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["department", "title", "ask", "answer"], *rows])
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def write_table(path: Path, cells: list[list[str]]) -> Path:
    """Writes a header and rows in the format of the file's extension: CSV, TSV, XLSX or Parquet."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([dict(zip(cells[0], row, strict=True)) for row in cells[1:]]), path)
    elif path.suffix == ".xlsx":
        book = pytest.importorskip("openpyxl").Workbook()
        for row in cells:
            book.active.append(row)
        book.save(path)
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",").writerows(cells)
    return path


def save_splits(splits: dict[str, list[Example]], folder: Path) -> str:
    """Writes a Parquet file for each split, as a build does; the hash of all of them for the manifest."""
    for name, examples in splits.items():
        pq.write_table(to_table(examples), folder / f"{name}.parquet", compression="zstd")
    return hash_of({name: digest([to_table(examples)]) for name, examples in splits.items()})


def shared_runs(text: str) -> set[str]:
    """The runs of ``leakage.hashes.Runs`` of a normalised text, one by one instead of as columns."""
    if not _mostly_latin(text):
        return runs(text, RUN)
    return runs(text, LATIN_RUN) | {run for run in runs(text, RUN) if not _mostly_latin(run)}


def _mostly_latin(text: str) -> bool:
    return 2 * sum(ord(c) < LATIN_BELOW for c in text) > len(text)
