"""Rows without a question or an answer once punctuation and spaces are ignored."""

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.command import Config
from data_recipes.schema.dropped import Dropped
from data_recipes.steps.step import Outcome, Step, StepKind

SOMETHING = r"[\pL\pN]"  # a letter or a digit of any script


class EmptyStep(Config):
    """Drops rows with an empty question or answer.

    Attributes:
        kind: Selects this step.
    """

    kind: Literal["empty"]


def make(config: EmptyStep) -> Step:
    """The step."""
    return _filled


def _filled(rows: pa.Table) -> Outcome:
    messages = rows["messages"].combine_chunks()
    turns = messages.flatten()
    counts = np.asarray(pc.list_value_length(messages))
    says = np.asarray(pc.match_substring_regex(turns.field("content"), SOMETHING))
    asks = says & np.asarray(pc.equal(turns.field("role"), "user"))
    row_of = np.repeat(np.arange(len(rows)), counts)
    asked = np.bincount(row_of[asks], minlength=len(rows)) > 0
    answered = says[np.cumsum(counts) - 1]
    ids = rows["id"].filter(pa.array(~(asked & answered))).to_pylist()
    reasons = np.where(asked, "empty_answer", "empty_question")[~(asked & answered)].tolist()
    return Outcome(rows.filter(pa.array(asked & answered)), [Dropped(*row) for row in zip(ids, reasons, strict=True)])


STEP = StepKind(EmptyStep, make)
