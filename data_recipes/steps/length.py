"""Conversations that are too long, and answers that are too short."""

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import NonNegativeInt, PositiveInt

from common.command import Config
from data_recipes.schema.dropped import Dropped
from data_recipes.steps.step import Outcome, Step, StepKind


class LengthStep(Config):
    """Drops rows by their number of characters.

    Attributes:
        kind: Selects this step.
        min_answer: Fewest characters of the answer.
        max_conversation: Most characters of all turns together.
    """

    kind: Literal["length"]
    min_answer: NonNegativeInt = 1
    max_conversation: PositiveInt = 32_000


def make(config: LengthStep) -> Step:
    """The step for these bounds."""

    def bounded(rows: pa.Table) -> Outcome:
        answers, conversations = _lengths(rows)
        short, long = answers < config.min_answer, conversations > config.max_conversation
        reasons = np.where(short, "short_answer", np.where(long, "long_conversation", ""))
        ids = rows["id"].to_pylist()
        dropped = [Dropped(id, str(reason)) for id, reason in zip(ids, reasons, strict=True) if reason]
        return Outcome(rows.filter(pa.array(reasons == "")), dropped)

    return bounded


def _lengths(rows: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Characters of each answer and of each whole conversation."""
    messages = rows["messages"].combine_chunks()
    turns = np.asarray(pc.list_value_length(messages))
    characters = np.asarray(pc.utf8_length(messages.flatten().field("content")))
    ends = np.cumsum(turns)
    total = np.concatenate([[0], np.cumsum(characters)])
    return characters[ends - 1], total[ends] - total[ends - turns]


STEP = StepKind(LengthStep, make)
