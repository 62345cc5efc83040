import json
import shlex
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.command import read_config
from data_recipes.config import BuildConfig
from data_recipes.dataset.listing import dropped_rows
from data_recipes.formats.validation import DRAWN, DROPPED, problems
from tests.data_recipes.conftest import Made, Run
from tests.data_recipes.samples import bencao_rows, write_jsonl, write_table


def turns(*roles: str) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": f"{role} {number}"} for number, role in enumerate(roles)]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.jsonl"


def test_sound_rows_of_both_formats_pass(validate: Run, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_jsonl(
        file, [*bencao_rows(), turns("user", "assistant"), turns("system", "user", "assistant", "user", "assistant")]
    )
    assert validate(str(file)) == 0
    assert "98 rows, 0 problems" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"instruction": "问？", "input": ""}, "there is no answer"),
        ({"提出": "问？", "回答": "答"}, "there is no question"),
        ({"question": "问？", "answer": 7}, "'answer' is not a text but a number"),
        ({"question": "问？", "answer": {"text": "答"}}, "'answer' is not a text but an object"),
        ({"instruction": "问？", "input": 3, "output": "答"}, "'input'"),
        ({"instruction": " ", "input": "", "output": "答"}, "the question is empty"),
        ({"instruction": "问？", "input": "", "output": "。"}, "the answer is empty"),
        ({**bencao_rows()[0], "output": "别的答案"}, "the question repeats line 1"),
        ({"messages": "问"}, "not a list"),
        ({"messages": []}, "roles"),
        ({"messages": [{"role": "user", "content": "问"}, {"role": "assistant"}]}, "message 2 has no content"),
        (turns("assistant", "user"), "roles"),
        (turns("user", "user", "assistant"), "roles"),
        (turns("user", "assistant", "system", "user", "assistant"), "roles"),
        (turns("user", "assistant", "user"), "roles"),
    ],
)
def test_a_problem_is_named_with_its_line(
    validate: Run, file: Path, capsys: pytest.CaptureFixture[str], row: dict[str, Any], problem: str
) -> None:
    write_jsonl(file, [bencao_rows()[0], bencao_rows()[1], row])
    assert validate(str(file)) == 2
    printed = capsys.readouterr().out
    assert f"{file}:3: " in printed and problem in printed and "3 rows, 1 problem in 1 row" in printed


@pytest.mark.parametrize("content", [b"", b"{", b"[1]\n", b"3\n", b'{"a": "\xff"}\n', "a\0b".encode("utf-16")])
def test_a_file_that_cannot_be_read_ends_with_code_two(validate: Run, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert validate(str(file)) == 2


def test_a_missing_file_and_no_file_end_with_code_two(validate: Run, file: Path) -> None:
    assert validate(str(file)) == 2
    assert validate() == 2


def fixed(validate: Run, file: Path, capsys: pytest.CaptureFixture[str]) -> tuple[list[dict[str, Any]], str]:
    """The rows of the fixed copy, which must itself be sound, and what was printed."""
    out = file.with_name("fixed.jsonl")
    assert validate(str(file), f"fix={out}") == 0
    printed = capsys.readouterr().out
    assert validate(str(out)) == 0
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()], printed


def lines(rows: list[Any]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (lines(bencao_rows()).encode("gb18030"), "GB18030 instead of UTF-8"),
        (lines(bencao_rows()).encode("utf-8-sig"), "a byte order mark"),
        (lines(bencao_rows()).encode("utf-16"), "UTF-16 instead of UTF-8"),
        (json.dumps(bencao_rows(), ensure_ascii=False, indent=1).encode(), "a JSON array"),
        (lines(bencao_rows()).replace("老人", "老\0人", 1).encode(), "NUL bytes"),
    ],
    ids=["gb18030", "bom", "utf-16", "array", "nul"],
)
def test_what_is_only_written_wrongly_is_fixed_without_loss(
    validate: Run, file: Path, capsys: pytest.CaptureFixture[str], content: bytes, told: str
) -> None:
    file.write_bytes(content)
    assert validate(str(file)) == (2 if told == "NUL bytes" else 0)  # the others a build reads alike
    rows, printed = fixed(validate, file, capsys)
    assert rows == bencao_rows()
    assert f"{file}:{2 if told == 'a JSON array' else 1}: {told}" in printed


def test_what_cannot_be_fixed_is_dropped_and_reported(
    validate: Run, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = bencao_rows()[:4]
    long = {"instruction": "太长？", "input": "", "output": "长" * 40_000}
    file.write_text(lines(sound[:2]) + '{"instruction": "断\n' + lines([sound[0], long, sound[2]]), encoding="utf-8")
    rows, printed = fixed(validate, file, capsys)
    assert rows == sound[:3]
    assert "6 rows, 3 problems in 3 rows" in printed and "3 rows dropped" in printed
    for line, what in ((3, "not JSON"), (4, "the question repeats line 1"), (5, "40003 characters")):
        assert f"{file}:{line}: {what}" in printed


def test_roles_are_renamed_joined_and_cut_to_the_right_order(
    validate: Run, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = turns("assistant", "human", "human", "gpt", "user")
    write_jsonl(file, [row, turns("system", "user", "assistant")])
    rows, _ = fixed(validate, file, capsys)
    assert rows[0]["messages"] == [
        {"role": "user", "content": "human 1\nhuman 2"},
        {"role": "assistant", "content": "gpt 3"},
    ]


def test_sharegpt_is_rewritten_as_messages(validate: Run, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = [("human", "头痛怎么办？"), ("gpt", "先休息，再去看医生。")]
    write_jsonl(file, [{"conversations": [{"from": role, "value": text} for role, text in said]}])
    rows, _ = fixed(validate, file, capsys)
    assert [(m["role"], m["content"]) for m in rows[0]["messages"]] == [("user", said[0][1]), ("assistant", said[1][1])]


def test_rows_of_an_array_on_one_line_are_told_apart(
    validate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.json"
    sound = bencao_rows()[:3]
    content = json.dumps([sound[0], sound[0], {"instruction": "坏\ud800？", "output": "答"}, sound[1], sound[2]])
    file.write_text(content[:-20], encoding="utf-8")
    rows, printed = fixed(validate, file, capsys)
    assert rows == sound[:2]
    assert f"{file}:1: item 2: the question repeats item 1" in printed
    assert f"{file}:1: item 3: half of a character" in printed
    assert f"{file}:1: item 5 of the array is cut off" in printed and "3 rows dropped" in printed


def test_a_row_may_repeat_one_that_is_dropped(validate: Run, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = bencao_rows()[:2]
    write_jsonl(file, [first, {**second, "output": "长" * 40_000}, second])
    rows, _ = fixed(validate, file, capsys)
    assert rows == [first, second]


CONVERSATION = [{"role": "user", "content": "头痛？"}, {"role": "assistant", "content": "先休息，再去看医生。"}]


@pytest.mark.parametrize("layout", ["csv", "tsv", "xlsx", "parquet"])
def test_tables_of_messages_or_of_questions_are_checked_row_by_row(
    validate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], layout: str
) -> None:
    said = json.dumps(CONVERSATION, ensure_ascii=False)
    for name, cells in {
        "messages": [["messages"], [said], ["不是 JSON"], [said]],
        "alpaca": [["question", "answer"], ["头痛？", "先休息，再去看医生。"], ["咳嗽？", ""], ["头痛？", "多喝水。"]],
    }.items():
        file = tmp_path / f"{name}.{layout}"
        write_table(file, cells)
        first = 1 if layout == "parquet" else 2
        rows, printed = fixed(validate, file, capsys)
        assert len(rows) == 1 and "3 rows, " in printed
        assert f"{file}:{first + 1}: " in printed
        assert f"{file}:{first + 2}: the question repeats line {first}" in printed
        (tmp_path / "fixed.jsonl").unlink()


@pytest.mark.parametrize("content", [b"PAR1 cut", b"PK\x03\x04 cut", b""])
@pytest.mark.parametrize("layout", ["xlsx", "parquet"])
def test_a_table_that_is_damaged_as_a_whole_is_named(
    validate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, layout: str
) -> None:
    file = tmp_path / f"rows.{layout}"
    file.write_bytes(content)
    assert validate(str(file)) == 2
    assert str(file) in capsys.readouterr().err


def test_a_repeated_answer_is_a_note_and_many_notes_hide_no_error(
    validate: Run, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = [{"from": "human", "value": "问"}, {"from": "gpt", "value": "先休息，再去看医生，不要拖。"}]
    rows = [{"conversations": [{**said[0], "value": f"第{n}个问题？"}, said[1]]} for n in range(20)]
    write_jsonl(file, [*rows, {"question": "没有回答？"}])
    copy, printed = fixed(validate, file, capsys)
    assert len(copy) == 20
    assert f"{file}:21: there is no answer" in printed and "21 rows, 41 problems in 21 rows\n" in printed
    summary = ["1 × no_question_or_answer -> dropped", "20 × layout -> rewritten as messages (the first 5 are shown)"]
    assert printed.index(summary[0]) < printed.index(summary[1]) < printed.index("19 × repeated_answer -> kept")
    assert printed.count("the answer repeats line 1  ->") == 5 and "personal data is still in it" in printed


def test_repeats_are_those_of_a_build(made: Made, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = bencao_rows()[:30]
    rows += [{**rows[0], "output": "另一个回答。"}, {**rows[30 - 1], "instruction": "新的问题一？"}]
    rows += [{"system": f"患者{n}岁。", **rows[1]} for n in (1, 2)] + [{**rows[3], "input": " "}]
    path = write_jsonl(tmp_path / "my.jsonl", rows)
    built = made("mine", "data=rows", f"source.path={path}", "data.splits={}", "data.steps=[]")
    dropped = [row["id"] for row in dropped_rows(built.directory)]
    found = [problem for problem in problems(path).problems if problem.change == DROPPED]
    assert sorted(f"rows-{problem.row.removeprefix('line ')}" for problem in found) == sorted(dropped)
    assert {problem.kind for problem in found} == {"repeated_question"}


def test_a_header_without_rows_is_an_error(validate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_table(tmp_path / "rows.csv", [["问题", "回答"]])
    assert validate(str(path)) == 2
    assert "there is no row in this file" in capsys.readouterr().err


@pytest.mark.parametrize("rows", [1, 3, 4, 24, 96])
def test_the_build_that_is_suggested_works_for_few_rows(
    validate: Run, build: Run, rows: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_jsonl(tmp_path / "my.jsonl", bencao_rows()[:rows])
    assert validate(str(path)) == 0
    _, _, command = capsys.readouterr().out.partition("data_recipes/build.py ")
    words = [word for word in shlex.split(command) if not word.startswith("out=")]
    assert build(*words, f"out={tmp_path}/out", "data.workers=1", "data.steps=[]") == 0


def test_a_build_advises_the_same_sizes_as_the_check(
    validate: Run, build: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_jsonl(tmp_path / "my.jsonl", bencao_rows()[:61])
    assert validate(str(path)) == 0
    sizes = "data.splits.dev=5 data.splits.test=10"
    assert sizes in capsys.readouterr().out
    assert build("data=rows", f"source.path={path}", f"out={tmp_path}/out", "data.workers=1", "data.steps=[]") == 2
    assert sizes in capsys.readouterr().err


def test_no_sizes_are_suggested_where_the_usual_ones_fit() -> None:
    [config] = read_config("build", ["data=rows", "source.path=x", "out=y"], BuildConfig)
    assert config.data.splits == DRAWN


def test_suggested_commands_carry_the_columns(
    validate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_table(tmp_path / "rows.csv", [["问", "答"], ["头痛？", "休息。"], ["咳嗽？", ""]])
    assert validate(str(path), "columns.question=问", "columns.answer=答") == 2
    assert "fix=fixed.jsonl 'columns.question=问' 'columns.answer=答'" in capsys.readouterr().out
    out = tmp_path / "fixed.jsonl"
    assert validate(str(path), "columns.question=问", "columns.answer=答", f"fix={out}") == 0
    assert f"source.path={out} 'source.columns.question=问' 'source.columns.answer=答'" in capsys.readouterr().out
    assert validate(str(path), "columns.question=没有", f"fix={out}") == 2
    assert "already exists" in capsys.readouterr().err


def test_an_unknown_key_is_named(validate: Run, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert validate(str(file), "fx=out.jsonl") == 2
    assert "fx: unknown key" in capsys.readouterr().err


def test_csv_is_checked_by_line_and_fixed_to_json_lines(
    validate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes('question,answer\n头痛？,"先休息\n再看医生"\n咳嗽？\n腹泻？,多喝水\n'.encode("gb18030"))
    rows, printed = fixed(validate, file, capsys)
    assert f"{file}:4: a different number of fields" in printed
    assert rows[0] == {"question": "头痛？", "answer": "先休息\n再看医生"} and len(rows) == 2


def test_fields_of_other_names_are_told_and_no_empty_copy_is_offered(
    validate: Run, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_jsonl(file, [{"ask": f"第{n}个问题？", "reply": "多休息。"} for n in range(3)])
    assert validate(str(file)) == 2
    printed = capsys.readouterr().out
    assert "there is no question among ask, reply; expected: " in printed and "columns.question=NAME" in printed
    assert "fix=" not in printed


def test_short_answers_such_as_labels_may_repeat(validate: Run, file: Path) -> None:
    write_jsonl(file, [{**row, "output": "是"} for row in bencao_rows()])
    assert validate(str(file)) == 0


def test_nothing_is_overwritten(validate: Run, file: Path) -> None:
    write_jsonl(file, [bencao_rows()[0], bencao_rows()[0]])
    before = file.read_bytes()
    assert validate(str(file), f"fix={file}") == 2
    assert file.read_bytes() == before


def test_special_tokens_at_the_end_are_taken_out_and_rows_with_others_dropped(
    validate: Run, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = bencao_rows()[:3]
    templated = {**second, "output": f"<|im_start|>user\n{second['output']}"}
    inside = {**third, "output": f"{third['output']}[/INST]再问"}
    write_jsonl(file, [{**first, "output": f"{first['output']}</s><|im_end|>\n"}, templated, inside])
    rows, printed = fixed(validate, file, capsys)
    assert rows == [first]
    assert f"{file}:2: <|im_start|> is a special token of a prompt format, and inside a text" in printed
    assert f"{file}:3: [/INST] is a special token of a prompt format, and inside a text" in printed


def test_columns_that_are_not_read_are_listed_and_stay(
    validate: Run, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = [{"from": "human", "value": "头痛？"}, {"from": "gpt", "value": "先休息，再去看医生。", "time": 3}]
    write_jsonl(file, [{"conversations": said, "ward": "内科", "system": "你是药师。"}, *bencao_rows()[:2]])
    rows, printed = fixed(validate, file, capsys)
    assert "not read: ward (1 row)" in printed and "not read: conversations[].time (1 row)" in printed
    assert rows[0] == {
        "ward": "内科",
        "messages": [
            {"role": "system", "content": "你是药师。"},
            {"role": "user", "content": "头痛？"},
            {"role": "assistant", "content": "先休息，再去看医生。", "time": 3},
        ],
    }


def test_what_json_has_no_value_for_is_said_to_be_removed(
    validate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rows.parquet"
    rows = [
        {**row, "picture": b"\xff", "day": date(2024, 1, 5), "output": [row["output"]]} for row in bencao_rows()[:2]
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
    copied, printed = fixed(validate, path, capsys)
    assert copied == [{**row, "day": "2024-01-05"} for row in bencao_rows()[:2]]
    assert "2 × 'picture' (bytes) removed: JSON has no such value" in printed


def test_own_columns_and_sheets_are_named_as_for_a_build(
    validate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["说明"])
    for cells in (["提问", "回答"], ["头痛？", "先休息，再去看医生。"]):
        (book["问答"] if "问答" in book.sheetnames else book.create_sheet("问答")).append(cells)
    path = tmp_path / "rows.xlsx"
    book.save(path)
    assert validate(str(path)) == 2
    assert "sheet=" in capsys.readouterr().err
    columns = ('columns.question=["提问"]', "columns.answer=回答")
    assert validate(str(path), "sheet=问答", *columns) == 0
    assert "source.sheet=问答" in capsys.readouterr().out


def test_names_of_roles_are_typed_as_the_message_says(
    validate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turns = [{"role": "患者", "content": "头痛？"}, {"role": "医生", "content": "多休息。"}]
    path = write_jsonl(tmp_path / "my.jsonl", [{"messages": turns}])
    assert validate(str(path)) == 2
    assert "'columns.roles={患者: user}'" in capsys.readouterr().out
    assert validate(str(path), "columns.roles={患者: user, 医生: assistant}") == 0
    printed = capsys.readouterr().out
    assert "unknown" not in printed and "roles are ['患者', '医生']" in printed
    assert validate(str(path), "columns.roles={患者") == 2
    assert "columns.roles: " in capsys.readouterr().err


def test_the_case_in_a_system_text_is_part_of_the_question(validate: Run, tmp_path: Path) -> None:
    rows = [{"system": f"患者{n}岁。", "question": "查什么？", "answer": f"第{n}项检查要先做。"} for n in range(20)]
    assert validate(str(write_jsonl(tmp_path / "cases.jsonl", rows))) == 0
    assert validate(str(write_jsonl(tmp_path / "twice.jsonl", [*rows, rows[0]]))) == 2


def test_a_wrapper_of_an_unknown_name_is_told_with_what_to_do(
    validate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"foo": [{"question": "头痛？", "answer": "多休息。"}]}), encoding="utf-8")
    assert validate(str(path)) == 2
    assert f"{path}:1: 'foo' holds rows, and is not a known name for that; rename it" in capsys.readouterr().out
