"""Measures a suite by every judge that applies to one of its items."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data_recipes.schema.example import Example
from eval.answers import ModelAnswer
from eval.judges import JUDGES
from eval.judges.judge import Judge
from eval.significance import Array


@dataclass(frozen=True)
class Measurement:
    """What one judge found on the items of a suite that it applies to.

    Attributes:
        items: Positions of these items in the suite.
        statistics: What each adds to the sums of the judge's aggregate, ``[items, k]``.
        scores: Score of each item alone.
    """

    judge: Judge
    items: tuple[int, ...]
    statistics: Array
    scores: tuple[float, ...]

    def only(self, places: Sequence[int]) -> "Measurement":
        """The same measurement on its items that are among ``places``."""
        wanted = set(places)
        kept = [row for row, item in enumerate(self.items) if item in wanted]
        return Measurement(
            self.judge,
            tuple(self.items[row] for row in kept),
            self.statistics[kept],
            tuple(self.scores[row] for row in kept),
        )


def measure(examples: Sequence[Example], answers: Sequence[ModelAnswer]) -> dict[str, Measurement]:
    """Measures one suite by every judge that applies to at least one of its items.

    An item without a reference answer is judged by what an answer does, where that is known, and else not at all.

    Args:
        examples: The items.
        answers: The answers to them, in the same order.

    Returns:
        Measurements by name of the judge, in the order of ``JUDGES``.
    """
    found = [_measured(judge, examples, answers) for judge in JUDGES.values()]
    return {measurement.judge.name: measurement for measurement in found if measurement.items}


def _measured(judge: Judge, examples: Sequence[Example], answers: Sequence[ModelAnswer]) -> Measurement:
    items = [i for i, one in enumerate(examples) if judge.can_judge(one) and judge.reads == answers[i].kind]
    judged = judge.judge([examples[i] for i in items], [answers[i] for i in items])
    known = [(i, found) for i, found in zip(items, judged, strict=True) if found is not None]
    return Measurement(
        judge,
        items=tuple(i for i, _ in known),
        statistics=np.asarray([found.statistics for _, found in known], np.float64),
        scores=tuple(found.score for _, found in known),
    )
