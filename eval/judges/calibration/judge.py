"""Expected calibration error of options (Naeini et al. 2015): of what a model is 80 % sure of, 80 % should be right.

Its confidence is the probability of the chosen option among the options, as their log-probabilities give it. Answers
are cut into ten bins of equal width by confidence; the error is the mean over answers of how far the share of right
ones in a bin is from its mean confidence. Of few answers it is too large, since every bin is a little off by chance.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from data_recipes.schema.example import Example
from eval.answers import ModelAnswer
from eval.bilingual import Text
from eval.judges.judge import ItemScore, Judge
from eval.significance import Array

BINS = 10


def confidence(options: Mapping[str, float]) -> float:
    """The probability of the likeliest option among all.

    Args:
        options: Log-probabilities by letter, nats; at least one is a number.
    """
    highest = max(options.values())
    return 1 / math.fsum(math.exp(value - highest) for value in options.values())


def bin_of(confident: float) -> int:
    """The bin of a confidence, 0 to ``BINS`` - 1."""
    return min(int(confident * BINS), BINS - 1)


def _judged(examples: Sequence[Example], answers: Sequence[ModelAnswer]) -> list[ItemScore | None]:
    return [_of(example, answer) if answer.text else None for example, answer in zip(examples, answers, strict=True)]


def _of(example: Example, answer: ModelAnswer) -> ItemScore:
    confident, right = confidence(answer.options), float(answer.text == example.result)
    by_bin = [0.0] * BINS
    by_bin[bin_of(confident)] = right - confident
    return ItemScore(abs(right - confident), (*by_bin, 1.0))


def _error(totals: Array) -> Array:
    result: Array = np.abs(totals[..., :BINS]).sum(axis=-1) / totals[..., BINS]
    return result


JUDGES = (
    Judge(
        name="choice_calibration_error",
        title=Text("选择题校准误差", "Calibration error of options"),
        meaning=Text(
            "有几分把握就对几分的差距（ECE），越低越好",
            "how far its confidence is from how often it is right (ECE); lower is better",
        ),
        signature=f"choice_calibration_error|ece:{BINS}-equal-bins|softmax-of-options|v1",
        applies=lambda example: bool(example.choices),
        judge=_judged,
        reads="options",
        higher_is_better=False,
        aggregate=_error,
    ),
)
