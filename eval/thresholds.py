"""Threshold curves of readers: what they score on the same items where they answer more or fewer of the questions.

A reader answers where its margin is above a threshold that was chosen on dev (``choose_threshold``); the curve shows on
the test what another one would have given, on questions with and without an answer apart, as SQuAD 2 reports them.
"""

from collections.abc import Sequence

import numpy as np

from data_recipes.schema.example import Example
from eval import significance
from eval.answers import ModelAnswer
from eval.judges.squad_zh_en.judge import score_of
from eval.report.schema import ThresholdPoint
from eval.significance import Estimate

SHARES = tuple(tenth / 10 for tenth in range(11))
"""Of the questions, those with the largest margins, that are answered."""


def threshold_curve(examples: Sequence[Example], answers: Sequence[ModelAnswer]) -> tuple[ThresholdPoint, ...]:
    """F1 by the share of questions that are answered; empty of systems that say no margin.

    Args:
        examples: The items.
        answers: The answers to them, in the same order.
    """
    known = [(example, answer) for example, answer in zip(examples, answers, strict=True) if answer.margin is not None]
    if not known:
        return ()
    margins = np.array([answer.margin for _, answer in known], np.float64)
    said = np.array([score_of(example, answer.span).f1 for example, answer in known])
    unsaid = np.array([score_of(example, "").f1 for example, _ in known])
    ranked = np.sort(margins)[::-1]
    answerable = np.array([example.behaviour == "answer" for example, _ in known])
    groups = np.array([example.group for example, _ in known])

    def mean(scores: significance.Array, of: significance.Array) -> Estimate | None:
        if not of.any():
            return None
        statistics = np.stack([scores[of], np.ones(int(of.sum()))], axis=1)
        return significance.estimate(statistics, list(groups[of]), significance.ratio)

    points = []
    for share in SHARES:
        kept = round(share * len(known))
        answered = margins >= ranked[kept - 1] if kept else np.zeros(len(known), bool)
        scores = np.where(answered, said, unsaid)
        f1 = mean(scores, np.ones(len(known), bool))
        assert f1 is not None
        points.append(
            ThresholdPoint(
                answered=float(answered.mean()),
                threshold=float(ranked[kept - 1]) if kept else None,
                f1=f1,
                answerable=mean(scores, answerable),
                unanswerable=mean(scores, ~answerable),
            )
        )
    return tuple(points)
