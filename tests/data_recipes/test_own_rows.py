"""Users' own rows in every usual layout, and multiple choice; damaged rows are named and counted."""

import json
from pathlib import Path

import pytest

from common.errors import UserError
from data_recipes.example import Example
from data_recipes.rows import Dropped
from data_recipes.sources.multiple_choice import MultipleChoiceSource
from data_recipes.sources.multiple_choice import read as read_choices
from data_recipes.sources.rows import RowsSource, read


def items(path: Path, **columns: object) -> list[Example | Dropped]:
    return list(read(RowsSource.model_validate({"kind": "rows", "path": str(path), "columns": columns})))


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
    assert items(file) == [
        Dropped("my.jsonl:1", "not_readable"),
        Dropped("my.jsonl:2", "no_question_or_answer"),
        Dropped("my.jsonl:3", "empty_turn"),
        Dropped("my.jsonl:4", "not_readable"),
        Dropped("my.jsonl:5", "wrong_role_order"),
    ]
    table = tmp_path / "my.csv"
    table.write_text("提问,回答\n问,答,多\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"source\.columns\.question"):
        items(table)
    assert items(table, question=["提问"], answer="回答") == [Dropped("my.csv:2", "not_readable")]


def choices(folder: Path, **more: object) -> list[Example | Dropped]:
    return list(
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
    assert dropped == [Dropped("nature.csv:3", "empty_option"), Dropped("nature.csv:4", "answer_is_no_option")]


def test_unknown_subject_lists_the_known(cmmlu: Path) -> None:
    with pytest.raises(UserError, match="there are: nature"):
        choices(cmmlu, subjects=["natur"])
