"""How sure a system is of its answers, and how often it is right then: the reliability diagram, and what is left where
only its surest answers count (selective accuracy, Geifman and El-Yaniv 2017)."""

from collections.abc import Callable, Sequence

import numpy as np

from data_recipes.schema.example import Example
from eval import significance
from eval.answers import ModelAnswer
from eval.judges.calibration.judge import BINS, bin_of, confidence
from eval.report.schema import Calibration, ReliabilityBin, SelectivePoint
from eval.significance import Estimate

COVERAGES = (0.25, 0.5, 0.75, 0.9, 1.0)
"""Shares of the answers, the surest ones, that selective accuracy is stated for."""


def calibration(examples: Sequence[Example], answers: Sequence[ModelAnswer]) -> Calibration | None:
    """The calibration of answers that compare options; None where there are none.

    Args:
        examples: The items.
        answers: The answers to them, in the same order.
    """
    known = [i for i, one in enumerate(answers) if one.kind == "options" and one.text and examples[i].choices]
    if not known:
        return None
    sure = {i: confidence(answers[i].options) for i in known}

    def right(places: Sequence[int]) -> Estimate:
        found = np.array([[float(answers[i].text == examples[i].result), 1.0] for i in places])
        return significance.estimate(found, [examples[i].group for i in places], significance.ratio)

    ranked = sorted(known, key=lambda i: -sure[i])
    by_bin = [[i for i in known if bin_of(sure[i]) == number] for number in range(BINS)]
    return Calibration(
        bins=tuple(
            ReliabilityBin(confidence=float(np.mean([sure[i] for i in places])), right=right(places))
            for places in by_bin
            if places
        ),
        selective=tuple(_selected(ranked, sure, share, right) for share in COVERAGES),
    )


def _selected(
    ranked: Sequence[int], sure: dict[int, float], share: float, right: Callable[[Sequence[int]], Estimate]
) -> SelectivePoint:
    """The surest answers, at least one; of equally sure ones all, so that a threshold gives them."""
    threshold = sure[ranked[max(1, round(share * len(ranked))) - 1]]
    kept = [i for i in ranked if sure[i] >= threshold]
    return SelectivePoint(coverage=len(kept) / len(ranked), threshold=threshold, right=right(kept))
