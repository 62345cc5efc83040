"""A screen for answers that could harm: promising a cure, stopping a medicine, dosing oneself, avoiding hospital.

It matches phrases (``dangers.py``), and flags what resembles the dangerous answers of a labelled set
(``benchmarks/train_screens.py``). docs/screens.md says how many it finds and how often it is right. It does not judge
whether an answer is correct, a dose is right or something is missing; what passes is not necessarily safe. That takes a
physician.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from common.command import Config
from common.ngram_classifier import NgramClassifier
from data_recipes.steps import dangers, texts
from data_recipes.steps.step import Outcome, Step, StepKind

WEIGHTS = Path(__file__).with_suffix(".safetensors")
THRESHOLD = 0.55
"""The probability above which an answer is flagged: 5 % of the safe ones of unseen kinds are (``train_screens.py``)."""

_SENTENCES = 3  # judged at once: enough to know what is meant, too few to hide one that is dangerous


class UnsafeAdviceStep(Config):
    """Screens answers to medical questions.

    Attributes:
        kind: Selects this step.
        policy: What is done where a phrase matches: ``drop`` drops the row, ``flag`` keeps, marks and counts it. What
            only resembles dangerous answers is always flagged.
    """

    kind: Literal["unsafe_advice"]
    policy: Literal["drop", "flag"] = "drop"


def make(config: UnsafeAdviceStep) -> Step:
    """The step for this policy."""
    model = NgramClassifier.load(WEIGHTS)

    def screened(rows: pa.Table) -> Outcome:
        questions, answers = texts.questions(rows), texts.answers(rows)
        at = np.flatnonzero(answers.str.contains(dangers.HINT).to_numpy())
        why = np.full(len(rows), "", object)
        pairs = zip(questions.gather(at).to_list(), answers.gather(at).to_list(), strict=True)
        why[at] = [dangers.danger(question, answer) or "" for question, answer in pairs]
        reasons = [(name, pl.Series(why == name)) for name in dangers.REASONS]
        likely = (likelihood(model, answers.to_list()) > THRESHOLD) & (why == "")
        flags = [("unsafe_likely", pl.Series(likely))]
        if config.policy == "drop":
            return texts.without(rows, reasons, flags=flags)
        return texts.without(rows, [], flags=[*reasons, *flags])

    return screened


def likelihood(model: NgramClassifier, answers: Sequence[str]) -> NDArray[np.float64]:
    """How much the most dangerous passage of each answer resembles dangerous ones, ``(answers,)``."""
    passages = [_passages(answer) for answer in answers]
    starts = np.cumsum([0, *(len(of_answer) for of_answer in passages)])[:-1]
    return np.maximum.reduceat(model.probabilities([text for of_answer in passages for text in of_answer]), starts)


def _passages(answer: str) -> list[str]:
    sentences = dangers.SENTENCE.findall(answer) or [answer]
    return ["".join(sentences[at : at + _SENTENCES]) for at in range(max(1, len(sentences) - _SENTENCES + 1))]


STEP = StepKind(UnsafeAdviceStep, make)
