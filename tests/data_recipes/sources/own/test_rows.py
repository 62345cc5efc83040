"""Users' own rows in every usual layout, and multiple choice; damaged rows are named and counted."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loguru import logger

from common.command import read_config
from common.errors import UserError
from data_recipes.config import BuildConfig
from data_recipes.pipeline.build import build, load
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.sources.own.rows import RowsSource, read
from data_recipes.sources.published.multiple_choice import MultipleChoiceSource
from data_recipes.sources.published.multiple_choice import read as read_choices
from tests.data_recipes.conftest import Run
from tests.data_recipes.samples import bencao_rows, items_of, questions, write_jsonl


@pytest.fixture
def logged() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lines.append, format="{message}")
    yield lines
    logger.remove(sink)


def items(path: Path, **columns: object) -> list[Example | Dropped]:
    return items_of(read(RowsSource.model_validate({"kind": "rows", "path": str(path), "columns": columns})))


def test_openai_sharegpt_and_alpaca_rows_become_the_same_conversation(tmp_path: Path) -> None:
    rows = [
        {"messages": [{"role": "user", "content": "头痛？"}, {"role": "assistant", "content": "多休息。"}]},
        {"conversations": [{"from": "human", "value": "头痛？"}, {"from": "gpt", "value": "多休息。"}]},
        {"instruction": "头痛？", "input": "", "output": "多休息。"},
    ]
    file = tmp_path / "my.jsonl"
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    examples = [item for item in items(file) if isinstance(item, Example)]
    assert [[(m.role, m.content) for m in e.messages] for e in examples] == [
        [("user", "头痛？"), ("assistant", "多休息。")]
    ] * 3


def test_columns_are_mapped_joined_and_grouped(tmp_path: Path) -> None:
    file = tmp_path / "ward.csv"
    file.write_text(
        '病人,科室,主诉,提问,回答\n7,内科,咳嗽,怎么办？,多喝水。\n8,外科,,"伤口,红",换药。\n', encoding="gb18030"
    )
    first, second = items(file, question=["主诉", "提问"], answer="回答", kind="科室", group="病人")
    assert isinstance(first, Example) and isinstance(second, Example)
    assert first.messages[0].content == "咳嗽\n怎么办？" and (first.kind, first.group) == ("内科", "7")
    assert second.messages[0].content == "伤口,红" and second.answer == "换药。"


def test_damaged_rows_are_named_by_line_and_wrong_columns_stop_the_build(tmp_path: Path) -> None:
    file = tmp_path / "my.jsonl"
    bad = ['{"instruction": "问"', '{"question": "问"}', '{"instruction": "问", "output": " "}', "[1]"]
    turned = {"messages": [{"role": "assistant", "content": "答"}, {"role": "user", "content": "问"}]}
    file.write_text("\n".join([*bad, json.dumps(turned, ensure_ascii=False)]), encoding="utf-8")
    reasons = ["not_json", "no_question_or_answer", "empty_turn", "not_an_object", "wrong_role_order"]
    assert [item[:2] for item in items(file) if isinstance(item, Dropped)] == [
        (f"my.jsonl:{line}", reason) for line, reason in enumerate(reasons, 1)
    ]
    table = tmp_path / "my.csv"
    table.write_text("提出,回答\n问,答,多\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"source\.columns\.question"):
        items(table)
    assert items(table, question=["提出"], answer="回答") == [Dropped("my.csv:2", "wrong_number_of_fields")]


def test_an_error_about_bad_rows_says_what_is_there_and_which_key_maps_it(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "my.jsonl", [{"提出": "问？", "答": "答。", "科室": "内科"}] * 3)
    words = ["data=rows", f"source.path={path}", f"out={tmp_path / 'out'}", "data.workers=1"]
    [config] = read_config("build", words, BuildConfig)
    with pytest.raises(UserError) as error:
        build(config)
    first, second, *_ = [line for line in error.value.problem.splitlines() if "no_question_or_answer" in line]
    assert "among 提出, 答, 科室" in first and "source.columns.question=NAME" in first and second.endswith("answer")


def test_empty_files_of_a_folder_are_named_and_the_others_are_read(tmp_path: Path, logged: list[str]) -> None:
    write_jsonl(tmp_path / "train.jsonl", [{"question": "问？", "answer": "答。"}])
    (tmp_path / "a.jsonl").write_bytes(b"")
    (tmp_path / "b.csv").write_text("question,answer\n", encoding="utf-8")
    assert len(items(tmp_path)) == 1
    assert any("a.jsonl" in line for line in logged) and any("b.csv: there is no row" in line for line in logged)


def test_rows_with_special_tokens_are_told(tmp_path: Path, logged: list[str]) -> None:
    path = write_jsonl(
        tmp_path / "my.jsonl", [{"question": "问？", "answer": "答。"}, {"question": "问<|im_end|>", "answer": "答。"}]
    )
    assert len(items(path)) == 2
    assert any("special token" in line and "my.jsonl:2" in line for line in logged)


def choices(folder: Path, **more: object) -> list[Example | Dropped]:
    return items_of(
        read_choices(MultipleChoiceSource.model_validate({"kind": "multiple_choice", "path": str(folder), **more}))
    )


@pytest.fixture
def cmmlu(tmp_path: Path) -> Path:
    for split, rows in {
        "dev": "0,铁属于,金属,气体,液体,木材,A\n",
        "test": "0,水是,H2O,CO2,O2,N2,A\n1,缺项,甲,,丙,丁,B\n2,错,甲,乙,丙,丁,E\n",
    }.items():
        (tmp_path / split).mkdir()
        (tmp_path / split / "nature.csv").write_text(f",Question,A,B,C,D,Answer\n{rows}", encoding="utf-8")
    return tmp_path


def test_choices_keep_their_published_split_and_a_checkable_letter(cmmlu: Path) -> None:
    train, test, *dropped = choices(cmmlu)
    assert isinstance(train, Example) and isinstance(test, Example)
    assert (train.split, test.split, test.result) == ("train", "test", "A")
    assert test.choices == ("H2O", "CO2", "O2", "N2") and "B. CO2" in test.messages[1].content
    assert dropped == [
        Dropped("test/nature.csv:3", "empty_option"),
        Dropped("test/nature.csv:4", "answer_is_no_option"),
    ]


def test_unknown_subject_lists_the_known(cmmlu: Path) -> None:
    with pytest.raises(UserError, match="available: nature"):
        choices(cmmlu, subjects=["natur"])


ROWS = [
    {"提问": f"第{n}个问题？", "回答": f"回答{n}。", "病历": 7 + n, "往来": [["之前呢？", "没有。"]]} for n in range(3)
]
MAPPED: dict[str, object] = {"question": ["提问"], "answer": "回答", "group": "病历"}


def told(found: list[Example | Dropped]) -> list[tuple[str, str, str]]:
    return [(e.messages[-2].content, e.answer, e.group) for e in found if isinstance(e, Example)]


EXPECTED = [(row["提问"], row["回答"], str(row["病历"])) for row in ROWS]


def test_sheets_parquet_and_text_give_the_same_rows(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for cells in [["提问", "回答", "病历"], *([row["提问"], row["回答"], float(str(row["病历"]))] for row in ROWS)]:
        book.active.append(cells)
    book.active.append([None, None, None])
    book.save(tmp_path / "my.xlsx")
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "my.parquet", row_group_size=2)
    (tmp_path / "my.json").write_text(json.dumps(ROWS, ensure_ascii=False), encoding="gb18030")
    lines = "\r\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS)
    (tmp_path / "my.jsonl").write_text(lines, encoding="utf-16")
    for name in ("my.xlsx", "my.parquet", "my.json", "my.jsonl"):
        found = items(tmp_path / name, **MAPPED)
        assert told(found) == EXPECTED and len(found) == len(EXPECTED), name


def test_earlier_turns_come_from_a_list_or_from_json_in_a_cell(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "my.parquet")
    lines = [[row["提问"], row["回答"], json.dumps(row["往来"], ensure_ascii=False)] for row in ROWS]
    with (tmp_path / "my.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [["提问", "回答", "往来"], *lines, ["问？", "答。", "不是列表"], ["问？", "答。", ""]]
        )
    table = items(tmp_path / "my.parquet", history="往来", question=["提问"], answer="回答")
    *cells, broken, without = items(tmp_path / "my.csv", history="往来", question=["提问"], answer="回答")
    for found in (table, cells):
        assert [[m.content for m in e.messages][:2] for e in found if isinstance(e, Example)] == [
            ["之前呢？", "没有。"]
        ] * 3
    assert isinstance(broken, Dropped) and broken[:2] == ("my.csv:5", "not_a_history")
    assert isinstance(without, Example) and len(without.messages) == 2


def test_each_kind_of_damage_to_lines_is_named(tmp_path: Path) -> None:
    whole = '{"instruction": "问？", "output": "答。"}'
    talk = '{"messages": [{"role": "user", "content": "问？"}, "答。"]}'
    lines = [
        whole.encode() + b"\r", whole[:20].encode(), whole.encode("gb18030"), whole.replace("问", "\0").encode(),
        whole.replace("问", "长" * (10 << 20)).encode(), talk.encode(), whole.encode(),
    ]  # fmt: skip
    path = tmp_path / "my.jsonl"
    path.write_bytes(b"\n".join(lines))
    found = items(path)
    reasons = ["not_json", "not_utf8", "nul_bytes", "line_too_long", "not_a_conversation"]
    bad = [item[:2] for item in found if isinstance(item, Dropped)]
    assert bad == [(f"my.jsonl:{n}", reason) for n, reason in enumerate(reasons, 2)]
    assert len(told(found)) == 2


def test_files_that_are_damaged_as_a_whole_stop_the_build(tmp_path: Path) -> None:
    (tmp_path / "cut.json").write_text(json.dumps(ROWS, ensure_ascii=False)[:-30], encoding="utf-8")
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "cut.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "cut.parquet").read_bytes()[:-30])
    (tmp_path / "cut.xlsx").write_bytes(b"PK\x03\x04 cut")
    (tmp_path / "none.csv").write_bytes(b"")
    (tmp_path / "twice.csv").write_text("提问,回答,提问\n问,答,问\n", encoding="utf-8")
    for name, message in {
        "cut.json": r"cut\.json:1: item 3 of the array is cut off",
        "cut.parquet": r"cut\.parquet:1: this Parquet file is damaged",
        "cut.xlsx": r"cut\.xlsx.*(damaged|openpyxl)",
        "none.csv": "the file is empty",
        "twice.csv": "two columns are named '提问'",
        "missing.csv": "does not exist",
    }.items():
        with pytest.raises(UserError, match=message):
            items(tmp_path / name, **MAPPED)


def test_a_stray_quote_does_not_turn_the_rest_of_a_table_into_one_bad_row(tmp_path: Path) -> None:
    rows = [f"问题{n}？,回答{n}。" for n in range(50)]
    rows[20] = '"问题20？,回答20。'
    path = tmp_path / "my.csv"
    path.write_text("\n".join(["提问,回答", *rows]), encoding="utf-8")
    found = items(path, question=["提问"], answer="回答")
    assert [item for item in found if isinstance(item, Dropped)] == [
        Dropped(f"my.csv:{line}", "not_csv") for line in range(22, 52)
    ]
    assert len(found) == 50


def test_a_named_column_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "my.csv"
    path.write_text("提问,回答\n问？,答。\n", encoding="utf-8")
    with pytest.raises(UserError, match="missing: 病人"):
        items(path, question=["提问"], answer="回答", group="病人")


def test_own_rows_build_in_one_command(build: Run, tmp_path: Path) -> None:
    path = tmp_path / "my.csv"
    path.write_text("\n".join(["提问,回答", *(f"{q},{q[:-1]}要看情况。" for q in questions())]), encoding="gb18030")
    words = ("data=rows", f"source.path={path}", 'source.columns.question=["提问"]', "source.columns.answer=回答")
    assert build(*words, "data.splits.dev=5", "data.splits.test=5", f"out={tmp_path / 'out'}") == 0
    counts = load(tmp_path / "out").manifest.counts
    assert counts.read == counts.kept == len(questions())


def write_rows(path: Path, first: int, last: int) -> Path:
    rows = [{"question": q, "answer": f"{q[:-1]}要看情况。"} for q in questions()[first:last]]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_folder_is_read_as_one_set_and_its_files_may_be_splits(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    write_rows(folder / "ward-a.jsonl", 0, 3)
    write_rows(folder / "ward-b.jsonl", 3, 5)
    write_rows(folder / "valid.jsonl", 5, 6)
    write_rows(folder / "test.jsonl", 6, 8)
    (folder / "~$ward.xlsx").write_bytes(b"lock")
    (folder / "notes.txt").write_text("说明", encoding="utf-8")
    found = [item for item in items(folder) if isinstance(item, Example)]
    assert [item.split for item in found] == ["test", "test", "dev", "", "", "", "", ""]
    assert len({item.id for item in found}) == 8 and found[3].id == "rows-ward-a.jsonl-1"
    with pytest.raises(UserError, match="no file of rows"):
        items(tmp_path)


def test_a_column_named_split_is_the_split_where_it_says_one(tmp_path: Path) -> None:
    path = tmp_path / "my.csv"
    path.write_text("question,answer,split\n头痛？,休息。,validation\n咳嗽？,喝水。,fold1\n", encoding="utf-8")
    assert [item.split for item in items(path) if isinstance(item, Example)] == ["dev", ""]


def test_the_card_names_what_is_not_read_and_what_was_rewritten(build: Run, tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"question": q, "answer": f"{q[:-1]}要看情况。", "ward": "内科", "bed": ""} for q in questions()[:30]
    ]
    rows[0]["answer"], rows[1]["ward"] = 3, None
    path, out = write_jsonl(tmp_path / "my.jsonl", rows), tmp_path / "out"
    assert build("data=rows", f"source.path={path}", "data.splits={}", f"out={out}") == 0
    manifest, card = load(out).manifest, (out / "README.md").read_text("utf-8")
    assert manifest.unread == {"ward": 29} and manifest.as_text == {"a number": 1}
    assert all(told in card for told in ("没有读入的列（行数）：ward (29)", "数字 (1)", "a number (1)"))


def test_all_rows_may_be_for_training(build: Run, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "my.jsonl", 0, 40)
    assert build("data=rows", f"source.path={path}", "data.splits={}", f"out={tmp_path / 'out'}") == 0
    assert load(tmp_path / "out").manifest.splits == {"train": 40}


def test_a_reason_that_drops_much_names_the_key(tmp_path: Path, build: Run, capsys: pytest.CaptureFixture[str]) -> None:
    contact = "请关注微信公众号“市一医院”预约挂号。医院预约热线：0571-12345678。"
    pairs = [{"问题": row["instruction"], "回答": row["output"]} for row in bencao_rows()[:8]]
    path = write_jsonl(tmp_path / "my.jsonl", [*pairs[:5], *({**pair, "回答": contact} for pair in pairs[5:])])
    words = ("data=rows", f"source.path={path}", "data.splits={}")
    assert build(*words, f"out={tmp_path / 'removed'}") == 0
    assert "3 of 8 rows were dropped as only_stock_phrase" in (told := capsys.readouterr().err)
    assert "stock_phrases: false" in told and "contacts_of_answers: keep" in told
    keep = ("data.steps.3.stock_phrases=false", "data.steps.4.contacts_of_answers=keep")
    assert build(*words, *keep, f"out={tmp_path / 'kept'}") == 0
    assert contact in [example.answer for example in load(tmp_path / "kept").splits["train"]]


def test_too_many_bad_rows_name_the_command_that_fixes_them(
    tmp_path: Path, build: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_jsonl(tmp_path / "my.jsonl", [*bencao_rows()[:3], {"问题": "没有回答？"}])
    assert build("data=rows", f"source.path={path}", "source.columns.kind=科", f"out={tmp_path / 'out'}") == 2
    assert f"validate.py {path} fix=fixed.jsonl 'columns.kind=科'" in capsys.readouterr().err
