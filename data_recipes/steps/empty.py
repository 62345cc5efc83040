"""Rows without a question or an answer once punctuation and spaces are left aside."""

from typing import Literal

import pyarrow as pa

from common.command import Config
from data_recipes.rows import Dropped
from data_recipes.steps.step import Outcome, Step, StepKind
from data_recipes.text import normalise


class EmptyStep(Config):
    """Drops rows that ask or answer nothing.

    Attributes:
        kind: Selects this step.
    """

    kind: Literal["empty"]


def make(config: EmptyStep) -> Step:
    """The step."""
    return _filled


def _filled(rows: pa.Table) -> Outcome:
    reasons = [_reason(messages) for messages in rows["messages"].to_pylist()]
    ids = rows["id"].to_pylist()
    dropped = [Dropped(id, reason) for id, reason in zip(ids, reasons, strict=True) if reason]
    return Outcome(rows.filter(pa.array([not reason for reason in reasons])), dropped)


def _reason(messages: list[dict[str, str]]) -> str:
    if not any(normalise(message["content"]) for message in messages if message["role"] == "user"):
        return "empty_question"
    return "" if normalise(messages[-1]["content"]) else "empty_answer"


STEP = StepKind(EmptyStep, make)
