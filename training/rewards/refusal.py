"""An answer says that it does not know exactly where that is right, as the judges ``refusal`` and ``over_refusal`` find
it."""

from typing import Literal

from training.rewards.judged import judged_by
from training.rewards.reward import RewardConfig


class RefusalReward(RewardConfig):
    """1 where an answer abstains from what the knowledge base does not say, or answers what it says; else 0.

    Attributes:
        kind: Selects this reward.
    """

    kind: Literal["refusal"]


REWARD = judged_by(RefusalReward, "refusal", "over_refusal")
