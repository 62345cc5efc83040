"""``validate`` and ``build`` read the same columns, whatever their names and however the file is written."""

import json
from itertools import product
from pathlib import Path

import pytest

from common.errors import UserError
from data_recipes.formats.columns import ANSWER, INPUT, QUESTION
from data_recipes.formats.validation import problems
from data_recipes.schema.example import Example
from data_recipes.sources.own import rows
from data_recipes.sources.published import bencao
from tests.data_recipes.samples import bencao_rows, write_jsonl, write_table

LAYOUTS = ("jsonl", "json", "csv", "tsv", "xlsx", "parquet")


def written(path: Path, columns: list[str], cells: list[list[str]]) -> Path:
    objects = [dict(zip(columns, row, strict=True)) for row in cells]
    if path.suffix == ".jsonl":
        return write_jsonl(path, objects)
    if path.suffix == ".json":
        path.write_text(json.dumps(objects, ensure_ascii=False), encoding="utf-8")
        return path
    return write_table(path, [columns, *cells])


def built(path: Path) -> list[tuple[str, ...]]:
    """The turns of every row that a build reads."""
    items = rows.read(rows.RowsSource(kind="rows", path=str(path)))
    return [tuple(m.content for m in item.messages) for item in items if isinstance(item, Example)]


def flaws(path: Path) -> list[str]:
    """What validate reports, except that an array is not JSON lines, which every source reads."""
    return [problem.what for problem in problems(path)[1] if "a JSON array" not in problem.what]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_name_is_sound_and_built_in_every_layout(tmp_path: Path, layout: str) -> None:
    pairs = [(row["instruction"], row["output"]) for row in bencao_rows()[:3]]
    for question, answer in [*product(QUESTION, ANSWER[:1]), *product(QUESTION[:1], ANSWER[1:])]:
        path = tmp_path / f"{question}-{answer}.{layout}"
        written(path, [question, answer], [list(pair) for pair in pairs])
        assert (flaws(path), built(path)) == ([], pairs)
        written(path, [answer, INPUT, question], [[said, "病人七十岁。", asked] for asked, said in pairs])
        assert (flaws(path), built(path)) == ([], [(f"{asked}\n病人七十岁。", said) for asked, said in pairs])
        if layout in ("jsonl", "json"):
            items = bencao.read(bencao.BencaoSource(kind="bencao", path=str(path)))
            assert [item.answer for item in items if isinstance(item, Example)] == [said for _, said in pairs]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("columns", [["question", "reply"], ["asked", "answer"], ["input", "reply"]])
def test_other_names_are_refused_by_both(tmp_path: Path, layout: str, columns: list[str]) -> None:
    path = written(tmp_path / f"rows.{layout}", columns, [["头痛怎么办？", "先休息，再去看医生。"]])
    assert len(flaws(path)) == 1
    try:
        assert built(path) == []
    except UserError as error:
        assert "source.columns" in error.fix


@pytest.mark.parametrize("layout", LAYOUTS)
def test_conversations_are_built_as_validate_rewrites_them(tmp_path: Path, layout: str) -> None:
    said = [{"from": "human", "value": "头痛？"}, {"from": "gpt", "value": "先休息，再去看医生。"}]
    cell = said if layout.startswith("json") else json.dumps(said, ensure_ascii=False)
    path = written(tmp_path / f"rows.{layout}", ["conversations"], [[cell]])  # type: ignore[list-item]
    [row] = problems(path)[2]
    assert built(path) == [tuple(turn["content"] for turn in row["messages"])]


def test_validate_keeps_what_else_a_row_says(tmp_path: Path) -> None:
    path = written(tmp_path / "rows.csv", ["question", "answer", "ward"], [["头痛？", "先休息，再去看医生。", "内科"]])
    assert problems(path)[2] == [{"question": "头痛？", "answer": "先休息，再去看医生。", "ward": "内科"}]
