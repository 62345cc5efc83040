"""``validate`` and ``build`` read the same columns, whatever their names and however the file is written."""

import json
from itertools import cycle
from pathlib import Path

import pytest

from common.command import read_config
from common.errors import UserError
from data_recipes.formats.columns import ANSWER, INPUT, QUESTION, Columns
from data_recipes.formats.validation import ValidateConfig, problems
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
    names = zip(QUESTION, cycle(ANSWER)) if len(QUESTION) > len(ANSWER) else zip(cycle(QUESTION), ANSWER)
    for question, answer in names:
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
    if layout.startswith("json"):
        [flaw] = flaws(path)
        assert "name yours: columns." in flaw and built(path) == []
        return
    for read in (flaws, built):
        with pytest.raises(UserError, match=r"the columns are .*missing: .*\n.*source.columns.question=NAME"):
            read(path)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_conversations_are_built_as_validate_rewrites_them(tmp_path: Path, layout: str) -> None:
    said = [{"from": "human", "value": "头痛？"}, {"from": "gpt", "value": "先休息，再去看医生。"}]
    cell = said if layout.startswith("json") else json.dumps(said, ensure_ascii=False)
    path = written(tmp_path / f"rows.{layout}", ["conversations"], [[cell]])  # type: ignore[list-item]
    [row] = problems(path)[2]
    assert built(path) == [tuple(turn["content"] for turn in row["messages"])]


@pytest.mark.parametrize("layout", ["csv", "xlsx"])
@pytest.mark.parametrize("names", [("患者提问", "医生回答"), ("问", "答")])
def test_a_title_above_the_header_is_skipped(tmp_path: Path, layout: str, names: tuple[str, str]) -> None:
    cells = [["门诊咨询记录", "", ""], ["", "", ""], ["科室", *names], ["内科", "头痛？", "先休息，再去看医生。"]]
    path = write_table(tmp_path / f"rows.{layout}", cells)
    own = Columns(question="问", answer="答") if names[0] == "问" else Columns()
    example = next(rows.read(rows.RowsSource(kind="rows", path=str(path), columns=own)))
    assert isinstance(example, Example) and example.answer == "先休息，再去看医生。"
    checked = problems(path, columns=own)
    assert checked.problems == [] and checked.sound == [
        {"科室": "内科", names[0]: "头痛？", names[1]: "先休息，再去看医生。"}
    ]


def test_a_title_without_separators_does_not_hide_the_separator(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("门诊咨询记录\n\n问题,回答\n头痛？,先休息；再去看医生。\n", encoding="utf-8")
    assert problems(path).sound == [{"问题": "头痛？", "回答": "先休息；再去看医生。"}]


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("问题", ("问题",)),
        ("[问题]", ("问题",)),
        ('["问题"]', ("问题",)),
        ("[标题, 问题]", ("标题", "问题")),
        ('["问,题"]', ("问,题",)),
    ],
)
def test_columns_are_named_as_one_types_them(typed: str, names: tuple[str, ...]) -> None:
    [config] = read_config("validate", ["my.csv", f"columns.question={typed}"], ValidateConfig)
    assert config.columns.question == names
    again = read_config("validate", ["my.csv", *config.columns.words("columns")], ValidateConfig)
    assert again == [config]


@pytest.mark.parametrize(
    "typed", ["{患者: user, 医生: assistant}", "{患者:user,医生:assistant}", "{患者：user，医生：assistant}"]
)
def test_roles_are_named_as_one_types_them(typed: str) -> None:
    [config] = read_config("validate", ["my.csv", f"columns.roles={typed}"], ValidateConfig)
    assert config.columns.roles == {"患者": "user", "医生": "assistant"}
    assert read_config("validate", ["my.csv", *config.columns.words("columns")], ValidateConfig) == [config]


@pytest.mark.parametrize("word", ["columns.roles=医生:assistant", "columns.roles={患者:", "columns.question=3"])
def test_what_is_typed_wrongly_is_explained_with_an_example(word: str) -> None:
    with pytest.raises(UserError, match=r"expected .*(患者: user|e.g. 问题)"):
        read_config("validate", ["my.csv", word], ValidateConfig)


def test_validate_keeps_what_else_a_row_says(tmp_path: Path) -> None:
    path = written(tmp_path / "rows.csv", ["question", "answer", "ward"], [["头痛？", "先休息，再去看医生。", "内科"]])
    assert problems(path)[2] == [{"question": "头痛？", "answer": "先休息，再去看医生。", "ward": "内科"}]
