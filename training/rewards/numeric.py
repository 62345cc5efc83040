"""The final answer is the expected one, as the judge ``math_answer`` of reports finds it."""

from typing import Literal

from data_recipes.schema.example import Example
from training.rewards.judged import judge_of, judged
from training.rewards.reward import RewardConfig, RewardKind, Scorer

JUDGE = ("math_answer",)


class NumericReward(RewardConfig):
    """1 where the final number (or option) of an answer is the expected one, else 0.

    Attributes:
        kind: Selects this reward.
    """

    kind: Literal["numeric"]


def _make(config: NumericReward) -> Scorer:
    return lambda examples, answers: [judged(JUDGE, *pair) for pair in zip(examples, answers, strict=True)]


def _applies(example: Example) -> bool:
    return judge_of(JUDGE, example) is not None


REWARD = RewardKind(NumericReward, _applies, _make)
