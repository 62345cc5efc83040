"""The exams that can be asked, each as its task in lm-evaluation-harness 0.4.13 asks it.

The prompt of CMMLU's authors differs from the harness's in two places (``题目：`` before a question, ``答案是：`` after
it). Published figures are made with either; ours equal the harness's, item by item (``benchmarks/eval/cmmlu.md``).
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

import yaml

ExamFormat = Literal["cmmlu", "ceval"]

SUBJECTS = Path(__file__).parent / "subjects.yaml"
LETTERS = "ABCD"
ANSWER = "答案："
"""What a model completes."""
BEFORE_LETTER = " "
"""The harness's ``target_delimiter``, which it puts before every answer, also in Chinese."""
AFTER_EXAMPLE = "\n\n"


@dataclass(frozen=True)
class PublishedExam:
    """An exam.

    Attributes:
        instruction: What comes first, for a subject.
        question: The column of the question; the options' are their letters.
        answer: The column of the right letter.
        task: Its group in the harness; a subject's task is ``<task>_<subject>``.
        version: Of the task.
    """

    instruction: str
    question: str
    answer: str
    task: str
    version: str


EXAMS: dict[ExamFormat, PublishedExam] = {
    "cmmlu": PublishedExam(
        "以下是关于{subject}的单项选择题，请直接给出正确答案的选项。\n\n", "Question", "Answer", "cmmlu", "1.0"
    ),
    "ceval": PublishedExam(
        "以下是中国关于{subject}的单项选择题，请选出其中的正确答案。\n\n", "question", "answer", "ceval-valid", "2.0"
    ),
}


@cache
def subject_names() -> dict[ExamFormat, dict[str, str]]:
    """The Chinese names of the subjects, by exam and name of the file."""
    names: dict[ExamFormat, dict[str, str]] = yaml.safe_load(SUBJECTS.read_text(encoding="utf-8"))
    assert set(names) == set(get_args(ExamFormat))
    return names
