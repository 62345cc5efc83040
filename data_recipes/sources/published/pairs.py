"""Question-answer rows of published files: what is empty, and what becomes an example."""

from typing import NamedTuple

from data_recipes.leakage.normalise import says_something
from data_recipes.schema.example import Example, Message


class Pair(NamedTuple):
    """One row.

    Attributes:
        number: Row number in the file, from 1.
        where: ``file:line``, the file without its folders.
        question: What is asked.
        answer: What is answered.
        kind: Question type for the report.
    """

    number: int
    where: str
    question: str
    answer: str
    kind: str


def missing_part(pair: Pair) -> str:
    """``empty_question``, ``empty_answer`` or nothing."""
    if not says_something(pair.question):
        return "empty_question"
    return "" if says_something(pair.answer) else "empty_answer"


def example(pair: Pair, source: str) -> Example:
    """The row as one question and its answer; its id is the source's name and the row's number."""
    id = f"{source}-{pair.number}"
    messages = (
        Message(role="user", content=pair.question.strip()),
        Message(role="assistant", content=pair.answer.strip()),
    )
    return Example(id=id, messages=messages, source=source, group=id, kind=pair.kind)
