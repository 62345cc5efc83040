"""The final answer is the expected one, as the judge ``math_answer`` of reports finds it."""

from typing import Literal

from training.rewards.judged import judged_by
from training.rewards.reward import RewardConfig


class NumericReward(RewardConfig):
    """1 where the final number (or option) of an answer is the expected one, else 0.

    Attributes:
        kind: Selects this reward.
    """

    kind: Literal["numeric"]


REWARD = judged_by(NumericReward, "math_answer")
