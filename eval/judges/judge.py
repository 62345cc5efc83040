"""A judge: one metric, and everything that the project knows about it.

Tables, the report and its wording, and the checkers of preference pairs are made from these records; nothing about a
metric is written down twice. Which judges apply is read from the item itself (its facts, its result, its behaviour), so
every domain uses the same judges. A function in ``domains/``, which the recipes and the service use too, decides what
is right in a domain (a number, a citation, a prompt); the judge turns it into statistics, for which it needs the
answers of models and ``eval/significance.py``, neither of which ``domains`` may import.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from data_recipes.schema.example import Example
from eval.answers import AnswerKind, ModelAnswer
from eval.bilingual import Text
from eval.significance import Aggregate, ratio

Unit = Literal["share", "points", "nats", "bits"]
RANGES: dict[Unit, tuple[float, float]] = {
    "share": (0.0, 1.0),
    "points": (0.0, 100.0),
    "nats": (0.0, math.inf),
    "bits": (0.0, math.inf),
}
"""What scores can be."""
MATTERS: dict[Unit, float] = {"share": 0.02, "points": 2.0, "nats": 0.02, "bits": 0.03}
"""The smallest difference that anybody would act on; systems that surely differ by less are equivalent."""
Prominence = Literal["headline", "fallback", "detail"]


class ItemScore(NamedTuple):
    """What a judge finds in one answer.

    Attributes:
        score: Score of this item alone.
        statistics: What it adds to the sums that the metric is computed from.
    """

    score: float
    statistics: tuple[float, ...]


Judging = Callable[[Sequence[Example], Sequence[ModelAnswer]], Sequence[ItemScore | None]]
"""Scores answers, in the order of their items; None where an answer cannot be scored."""


@dataclass(frozen=True)
class Judge:
    """One metric.

    Attributes:
        name: Its key in ``report.json``.
        title: What readers see.
        meaning: What it measures, in half a sentence.
        signature: How exactly it is measured.
        applies: Whether an item whose reference or behaviour is known is judged by it.
        judge: Scores answers to items that it applies to.
        reads: The kind of answers that it scores.
        needs_reference: Whether it compares with a reference answer; else what an answer does is enough.
        unit: ``share`` (0 to 1), ``points`` (0 to 100), ``nats`` or ``bits`` (losses, not about generated answers).
        higher_is_better: Whether a higher score is better.
        aggregate: Turns summed statistics into the metric.
        compared: Whether systems are compared by it.
        prominence: ``headline``: primary, at the top of the report, and with a verdict; ``fallback``: the same where no
            headline judge applies; ``detail``: only in the tables. The first two are shares, or
            the loss of documents, of which nothing is asked.
        checks_pairs: Whether it can rank sampled answers for preference pairs.
        failure: What a wrong answer did, where the report counts each one.
    """

    name: str
    title: Text
    meaning: Text
    signature: str
    applies: Callable[[Example], bool]
    judge: Judging
    reads: AnswerKind = "generated"
    needs_reference: bool = True
    unit: Unit = "share"
    higher_is_better: bool = True
    aggregate: Aggregate = ratio
    compared: bool = True
    prominence: Prominence = "detail"
    checks_pairs: bool = False
    failure: Text | None = None

    def can_judge(self, example: Example) -> bool:
        """Whether an item is judged by it: it applies, and there is what it compares with."""
        known = example.has_reference if self.needs_reference else example.is_judged
        return known and self.applies(example)


def each(score: Callable[[Example, str], float]) -> Judging:
    """Judges one answer at a time; the metric is the mean of the scores.

    Args:
        score: The score of one answer to one item.
    """

    def judging(examples: Sequence[Example], answers: Sequence[ModelAnswer]) -> list[ItemScore | None]:
        scores = [score(example, answer.text) for example, answer in zip(examples, answers, strict=True)]
        return [ItemScore(value, (value, 1.0)) for value in scores]

    return judging
