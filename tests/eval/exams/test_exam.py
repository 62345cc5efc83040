"""What an exam asks, and what it refuses."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from common.errors import UserError
from eval.config import SuiteConfig
from eval.exams.exam import Exam, read_exam


def exam_of(folder: Path, **more: Any) -> Exam:
    return read_exam(suite(folder, **more))


def suite(folder: Path, max_items: int | None = None, **more: Any) -> SuiteConfig:
    values = {"name": "exam", "path": folder, "max_items": max_items, "exam": {"format": "cmmlu", "shots": 2} | more}
    return SuiteConfig.model_validate(values)


def test_the_prompt_is_the_harness_s_to_the_character(folder: Path) -> None:
    exam = exam_of(folder, subjects=["anatomy"])
    assert exam.items[1].context == (
        "以下是关于解剖学的单项选择题，请直接给出正确答案的选项。\n\n"
        "手有几根手指\nA. 三根\nB. 四根\nC. 五根\nD. 六根\n答案： C\n\n"
        "心脏在哪里\nA. 胸腔\nB. 腹腔\nC. 颅腔\nD. 盆腔\n答案： A\n\n"
        "人有几只眼睛\nA. 一只\nB. 两只\nC. 三只\nD. 四只\n答案："
    )
    assert exam.items[1].continuations == [" A", " B", " C", " D"]
    assert "\nD.  胃\n" in exam.items[2].context  # the harness strips questions, and no options


def test_a_generated_answer_is_asked_for_without_examples(folder: Path) -> None:
    exam = exam_of(folder, by=["generated"])
    [turn] = exam.generated["exam_generated"][0].prompt
    assert turn.role == "user" and turn.content == exam_of(folder, shots=0).items[0].context
    assert not exam.scored


def test_examples_are_from_dev_only_and_named(folder: Path) -> None:
    exam = exam_of(folder)
    assert [example.id for example in exam.examples["nutrition"]] == ["nutrition-dev-1", "nutrition-dev-2"]
    assert "anatomy-dev-1, anatomy-dev-2, nutrition-dev-1, nutrition-dev-2" in exam.told
    assert len(exam.items) == 12 and {item.example.split for item in exam.items} == {"test"}


def test_fewer_items_are_some_of_the_same(folder: Path) -> None:
    some = exam_of(folder, max_items=5).items
    assert len(some) == 5 and set(some) < set(exam_of(folder).items)


def broken(folder: Path, tmp_path: Path, old: str, new: str) -> Path:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    file = copy / "test" / "anatomy.csv"
    file.write_text(file.read_text("utf-8").replace(old, new, 1), "utf-8")
    return copy


def test_an_answer_outside_the_options_is_refused_with_its_line(folder: Path, tmp_path: Path) -> None:
    copy = broken(folder, tmp_path, "盆腔,B", "盆腔,E")
    with pytest.raises(UserError, match=r"anatomy\.csv:2: the answer 'E' is none of A, B, C, D"):
        exam_of(copy)


def test_a_damaged_row_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"anatomy\.csv:2: this row has other columns"):
        exam_of(broken(folder, tmp_path, "胸腔,腹腔", "胸腔"))


def test_what_is_missing_is_named_with_what_to_do(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"suite\.exam\.shots=2"):
        exam_of(folder, shots=5)
    with pytest.raises(UserError, match="virology"):
        exam_of(folder, subjects=["virology"])
    with pytest.raises(UserError, match="are not part of Xinglin"):
        read_exam(suite(folder).model_copy(update={"path": None}))
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy" / "test" / "anatomy.csv").rename(tmp_path / "copy" / "test" / "astrology.csv")
    with pytest.raises(UserError, match="no subject astrology"):
        exam_of(tmp_path / "copy", subjects=["astrology"], shots=0)


def test_ceval_is_read_in_its_own_layout(tmp_path: Path) -> None:
    header = "id,question,A,B,C,D,answer"
    for split, more, row in (
        ("dev", ",explanation", "0,胃在哪里,甲,乙,丙,丁,B,因为"),
        ("val", "", "0,脑在哪里,甲,乙,丙,丁,C"),
    ):
        (tmp_path / split).mkdir()
        (tmp_path / split / f"basic_medicine_{split}.csv").write_text(f"{header}{more}\n{row}\n", "utf-8")
    [item] = exam_of(tmp_path, format="ceval", shots=1).items
    assert item.example.result == "C" and item.context == (
        "以下是中国关于基础医学的单项选择题，请选出其中的正确答案。\n\n"
        "胃在哪里\nA. 甲\nB. 乙\nC. 丙\nD. 丁\n答案： B\n\n脑在哪里\nA. 甲\nB. 乙\nC. 丙\nD. 丁\n答案："
    )
