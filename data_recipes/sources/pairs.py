"""Question-answer rows of other people's files: what is bad, what is repeated, what becomes an example."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from common.errors import UserError
from data_recipes.example import Example, Message
from data_recipes.overlap import normalise
from data_recipes.rows import Dropped

SHOWN = 5  # bad rows that an error lists


class Pair(NamedTuple):
    """One row.

    Attributes:
        number: Row number in the file, from 1.
        where: ``file:line``.
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
    if not normalise(pair.question):
        return "empty_question"
    return "" if normalise(pair.answer) else "empty_answer"


def examples(
    pairs: Iterable[Pair], source: str, flaw: Callable[[Pair], str], max_bad_share: float
) -> tuple[list[Example], list[Dropped]]:
    """Turns rows into examples and accounts for the others.

    Args:
        pairs: All rows.
        source: Name of the source.
        flaw: The reason why a row is bad, or an empty text.
        max_bad_share: The greatest share of bad rows that is put up with; repeated questions are not bad.

    Returns:
        The examples, and the rows that were dropped.

    Raises:
        UserError: Too many rows are bad; the first of them are listed by line.
    """
    kept, dropped, bad = [], [], []
    asked: set[str] = set()
    for pair in pairs:
        reason = flaw(pair)
        text = normalise(pair.question)
        if reason:
            bad.append(f"{pair.where}: {reason}")
        elif text in asked:
            reason = "duplicate_question"
        else:
            asked.add(text)
            kept.append(_example(pair, source))
        if reason:
            dropped.append(Dropped(f"{source}-{pair.number}", reason))
    read = len(kept) + len(dropped)
    if len(bad) > max_bad_share * read:
        listed = "\n".join(f"  - {line}" for line in bad[:SHOWN])
        raise UserError(
            f"{len(bad)} of {read} rows are bad, more than {max_bad_share:.1%}; the first:\n{listed}",
            where="data.max_bad_share",
            fix="mend the rows, or raise data.max_bad_share to drop them",
        )
    return kept, dropped


def _example(pair: Pair, source: str) -> Example:
    id = f"{source}-{pair.number}"
    messages = (
        Message(role="user", content=pair.question.strip()),
        Message(role="assistant", content=pair.answer.strip()),
    )
    return Example(id=id, messages=messages, source=source, group=id, kind=pair.kind)
