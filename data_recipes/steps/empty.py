"""Conversations without a question or without an answer, and empty documents; a turn of one sign or an emoji is part of
one."""

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.command import Config
from data_recipes.leakage.normalise import SIGN_ALONE
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import TEXT
from data_recipes.steps.step import Outcome, Step, StepKind

SOMETHING = rf"[\pL\pN]|{SIGN_ALONE}"  # as ``says_something``


class EmptyStep(Config):
    """Drops rows in which no question, or no answer, says anything, and documents that say nothing.

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
    row_of = np.repeat(np.arange(len(rows)), counts)
    asked, answered, told = (
        np.bincount(row_of[says & np.asarray(pc.equal(turns.field("role"), role))], minlength=len(rows)) > 0
        for role in ("user", "assistant", TEXT)
    )
    kept = told | (asked & answered)
    ids = rows["id"].filter(pa.array(~kept)).to_pylist()
    unsaid = np.where(asked, "empty_answer", "empty_question")
    reasons = np.where(counts == 1, "empty_text", unsaid)[~kept].tolist()
    return Outcome(rows.filter(pa.array(kept)), [Dropped(*row) for row in zip(ids, reasons, strict=True)])


STEP = StepKind(EmptyStep, make)
