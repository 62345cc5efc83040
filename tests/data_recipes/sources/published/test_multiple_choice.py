"""Multiple choice in four layouts: options, answers and splits are read; options can be shuffled; damage is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from common.errors import UserError
from data_recipes.pipeline.build import load
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.sources.published.multiple_choice import (
    EXPLAINED,
    INSTRUCTION,
    SEVERAL,
    MultipleChoiceSource,
    files,
    read,
)
from tests.data_recipes.conftest import Run
from tests.data_recipes.samples import items_of

Items = list[Example | Dropped]


def config(folder: Path, format: str, **more: Any) -> MultipleChoiceSource:
    return MultipleChoiceSource.model_validate(
        {"kind": "multiple_choice", "path": str(folder), "format": format, **more}
    )


def items(folder: Path, format: str, **more: Any) -> Items:
    return items_of(read(config(folder, format, **more)))


def examples(found: Items) -> list[Example]:
    return [item for item in found if isinstance(item, Example)]


def dropped(found: Items) -> list[Dropped]:
    return [item for item in found if isinstance(item, Dropped)]


CMEXAM = (
    'Question,Options,Answer,Explanation\n贫血首选检查？,"A 血常规\nB 尿常规\nC 胸片",A,血常规最直接。\n'
    '哪些属于内脏？,"A 心\nB 肝\nC 手\nD 肺",ABD,手不是，所以不选C项。\n'
)


@pytest.fixture
def cmexam(tmp_path: Path) -> Path:
    (tmp_path / "train.csv").write_text(CMEXAM, encoding="utf-8")
    notes = "Question,Options,Answer,Explanation,ICD-11 Chapter\n发热多少度？,A 36\nB 38,B,,感染\n"
    (tmp_path / "test_with_annotations.csv").write_text(notes.replace("A 36\nB 38", '"A 36\nB 38"'), encoding="utf-8")
    return tmp_path


def test_cmexam_lists_options_in_one_field_and_keeps_explanations(cmexam: Path) -> None:
    one, several, test = examples(items(cmexam, "cmexam", explanations=True))
    assert one.choices == ("血常规", "尿常规", "胸片") and one.result == "A"
    assert one.answer == "血常规最直接。\n答案：A" and one.messages[0].content == EXPLAINED
    assert several.result == "ABD" and several.answer.endswith("答案：ABD")
    assert (test.split, test.answer, test.messages[0].content) == ("test", "答案：B", INSTRUCTION)
    plain = examples(items(cmexam, "cmexam"))
    assert [e.answer for e in plain] == ["答案：A", "答案：ABD", "答案：B"]
    assert plain[1].messages[0].content == SEVERAL


def test_cmexam_writes_line_ends_as_two_characters_too(tmp_path: Path) -> None:
    rows = [
        r"发热先查什么？,A 血常规\nB 尿常规\nC \alpha与\neq,A,先看血象。\n再看别的。",
        r"哪项不对？,A 甲\nB 乙\nD 丁,D,",
    ]
    (tmp_path / "train.csv").write_text("\n".join(["Question,Options,Answer,Explanation", *rows]), encoding="utf-8")
    found = items(tmp_path, "cmexam", explanations=True)
    [one] = examples(found)
    assert one.choices == ("血常规", "尿常规", r"\alpha与\neq")
    assert one.answer == "先看血象。\n再看别的。\n答案：A"
    assert [drop.reason for drop in dropped(found)] == ["bad_options"]  # C is missing: D is no part of B


def test_shuffled_options_keep_the_right_texts_and_lose_explanations_that_name_letters(cmexam: Path) -> None:
    published = examples(items(cmexam, "cmexam"))
    orders = set()
    for seed in range(8):
        shuffled = examples(items(cmexam, "cmexam", shuffle=seed, explanations=True))
        assert shuffled == examples(items(cmexam, "cmexam", shuffle=seed, explanations=True))
        for one, other in zip(published, shuffled, strict=True):
            right = {one.choices["ABCD".index(letter)] for letter in one.result}
            assert {other.choices["ABCD".index(letter)] for letter in other.result} == right
            assert f"{'ABCD'[other.choices.index(one.choices[0])]}. {one.choices[0]}" in other.messages[1].content
        orders.add(shuffled[1].choices)
        assert ("不选C项" in shuffled[1].answer) == (shuffled[1].choices == published[1].choices)
    assert len(orders) > 3


def cmb_row(number: int, **more: Any) -> dict[str, Any]:
    row = {
        "id": number,
        "exam_class": "执业医师",
        "question": f"第{number}题？",
        "option": {"A": "甲", "B": "乙", "E": ""},
    }
    return {**row, "option": {"A": "甲", "B": "乙", "C": "丙", "D": "丁", "E": ""}, "answer": "B", **more}


def write(path: Path, rows: list[Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")


def test_cmb_joins_test_questions_with_their_answers(tmp_path: Path) -> None:
    write(tmp_path / "CMB-train/CMB-train-merge.json", [cmb_row(1), cmb_row(2, answer="AC")])
    asked = {key: value for key, value in cmb_row(7).items() if key != "answer"}
    write(tmp_path / "CMB-test/CMB-test-choice-question-merge.json", [asked, {**asked, "id": 8}])
    without = items(tmp_path, "cmb")
    assert dropped(without) == [Dropped(f"cmb-test-{n}", "answer_not_published") for n in (1, 2)]
    write(tmp_path / "CMB-test/CMB-test-choice-answer.json", [{"id": 8, "answer": "D"}, {"id": 7, "answer": "A"}])
    found = examples(items(tmp_path, "cmb"))
    assert [(e.split, e.result, e.kind) for e in found] == [
        ("train", "B", "执业医师"), ("train", "AC", "执业医师"), ("test", "A", "执业医师"), ("test", "D", "执业医师"),
    ]  # fmt: skip
    assert found[0].choices == ("甲", "乙", "丙", "丁")
    assert len(files(config(tmp_path, "cmb"))) == 3


def test_damaged_questions_of_cmb_are_named(tmp_path: Path) -> None:
    rows = [
        cmb_row(1, question=" "), cmb_row(2, option=None), cmb_row(3, option={"A": "甲", "C": "丙"}),
        cmb_row(4, option={"A": "", "B": "乙"}), cmb_row(5, answer="F"), cmb_row(6, answer=None), cmb_row(7),
    ]  # fmt: skip
    write(tmp_path / "CMB-train-merge.json", rows)
    found = items(tmp_path, "cmb")
    reasons = ["empty_question", "bad_options", "bad_options", "empty_option", *["answer_is_no_option"] * 2]
    assert [drop.reason for drop in dropped(found)] == reasons and all(drop.bad for drop in dropped(found))
    assert [e.id for e in examples(found)] == ["cmb-train-7"]


def test_ceval_trains_on_dev_and_tests_on_val(tmp_path: Path) -> None:
    files_of = {
        "dev/physician_dev.csv": "id,question,A,B,C,D,answer,explanation\n0,骨折先？,固定,按摩,热敷,走,A,防止移位。\n",
        "val/physician_val.csv": "id,question,A,B,C,D,answer\n0,溺水先？,清口鼻,喂水,倒立,拍背,A\n",
        "test/physician_test.csv": "id,question,A,B,C,D\n0,没有答案？,一,二,三,四\n",
    }
    for name, content in files_of.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(content, encoding="utf-8")
    train, test = examples(items(tmp_path, "ceval", explanations=True))
    assert (train.split, train.kind, train.answer) == ("train", "physician", "防止移位。\n答案：A")
    assert (test.split, test.answer) == ("test", "答案：A") and train.id != test.id


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (CMEXAM.encode()[:-40], [Dropped("train.csv:5", "not_csv")]),
        (CMEXAM.replace("胸片", "胸\0片").encode(), [Dropped("train.csv:2", "nul_bytes")]),
        (CMEXAM.encode().replace("胸片".encode(), b"\xff\xfe"), [Dropped("train.csv:2", "not_utf8")]),
        (CMEXAM.replace("胸片", "胸" * (10 << 20)).encode(), [Dropped("train.csv:2", "not_csv")]),
        (CMEXAM.replace("\n贫", "\r\n贫").encode(), []),
        (CMEXAM.encode("gb18030"), []),
        (CMEXAM.encode("utf-8-sig"), []),
    ],
)
def test_damaged_tables_are_named_by_line_and_known_encodings_are_read(
    tmp_path: Path, content: bytes, found: list[Dropped]
) -> None:
    (tmp_path / "train.csv").write_bytes(content)
    read_rows = items(tmp_path, "cmexam")
    assert dropped(read_rows)[: len(found) or None] == found
    assert all("train.csv" in drop.id for drop in dropped(read_rows))
    if not found:
        assert [e.result for e in examples(read_rows)] == ["A", "ABD"]


def test_missing_columns_and_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train\.csv is not in this folder"):
        items(tmp_path, "cmexam")
    (tmp_path / "train.csv").write_text("Question,Answer\n问？,A\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"train\.csv:1: no column Options"):
        items(tmp_path, "cmexam")


def test_real_cmmlu_is_accounted_for(build: Run, shared: Path, tmp_path: Path) -> None:
    assert build("data=cmmlu", f"source.path={shared / 'data/cmmlu'}", f"out={tmp_path / 'out'}") == 0
    manifest = load(tmp_path / "out").manifest
    assert manifest.counts.read == sum(source.rows or 0 for source in manifest.sources)
    assert manifest.counts.read == manifest.counts.kept + sum(manifest.counts.dropped.values())
    assert manifest.licence.startswith("CMMLU")
