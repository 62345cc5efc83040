"""The names of columns in users' files: one table, for ``validate`` and ``build``."""

from collections.abc import Collection
from typing import NamedTuple

CONVERSATIONS = ("messages", "conversations")
QUESTION = ("instruction", "question", "prompt")
INPUT = "input"  # what the question is about, where a file has a separate column for it
ANSWER = ("output", "answer", "response", "completion")
ROLES = {"human": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant"}
WANTED = f"messages, or one of {', '.join(QUESTION)} and one of {', '.join(ANSWER)}"


class QuestionAndAnswer(NamedTuple):
    """The columns of a file, or the fields of a row, that hold question and answer; empty where there is none."""

    question: str
    answer: str


def question_and_answer(names: Collection[str]) -> QuestionAndAnswer:
    """Finds the columns of question and answer; of several the first in the table counts."""
    return QuestionAndAnswer(_first_of(QUESTION, names), _first_of(ANSWER, names))


def _first_of(aliases: tuple[str, ...], names: Collection[str]) -> str:
    return next((name for name in aliases if name in names), "")
