"""A screen for answers that could harm: promising a cure, stopping a medicine, dosing oneself, avoiding hospital.

It matches phrases (``dangers.py``); docs/screens.md says how many it finds and how often it is right. It does not judge
whether an answer is correct, a dose is right or something is missing; what passes is not necessarily safe. That takes a
physician.
"""

from typing import Literal

import numpy as np
import polars as pl
import pyarrow as pa

from common.command import Config
from data_recipes.steps import dangers, texts
from data_recipes.steps.step import Outcome, Step, StepKind


class UnsafeAdviceStep(Config):
    """Screens answers to medical questions.

    Attributes:
        kind: Selects this step.
        policy: ``drop`` drops the row, ``flag`` keeps, marks and counts it.
    """

    kind: Literal["unsafe_advice"]
    policy: Literal["drop", "flag"] = "drop"


def make(config: UnsafeAdviceStep) -> Step:
    """The step for this policy."""

    def screened(rows: pa.Table) -> Outcome:
        questions, answers = texts.questions(rows), texts.answers(rows)
        at = np.flatnonzero(answers.str.contains(dangers.HINT).to_numpy())
        why = np.full(len(rows), None, object)
        pairs = zip(questions.gather(at).to_list(), answers.gather(at).to_list(), strict=True)
        why[at] = [dangers.danger(question, answer) for question, answer in pairs]
        reasons = [(name, pl.Series(why == name)) for name in dangers.REASONS]
        return texts.without(rows, reasons) if config.policy == "drop" else texts.without(rows, [], flags=reasons)

    return screened


STEP = StepKind(UnsafeAdviceStep, make)
