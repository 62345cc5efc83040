"""An answer says that it does not know exactly where that is right, as the judges ``refusal`` and ``over_refusal`` find
it."""

from typing import Literal

from data_recipes.schema.example import Example
from training.rewards.judged import judge_of, judged
from training.rewards.reward import RewardConfig, RewardKind, Scorer

JUDGES_OF_IT = ("refusal", "over_refusal")


class RefusalReward(RewardConfig):
    """1 where an answer abstains from what the knowledge base does not say, or answers what it says; else 0.

    Attributes:
        kind: Selects this reward.
    """

    kind: Literal["refusal"]


def _make(config: RefusalReward) -> Scorer:
    return lambda examples, answers: [judged(JUDGES_OF_IT, *pair) for pair in zip(examples, answers, strict=True)]


def _applies(example: Example) -> bool:
    return judge_of(JUDGES_OF_IT, example) is not None


REWARD = RewardKind(RefusalReward, _applies, _make)
