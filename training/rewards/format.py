"""An answer has a form."""

import re
from typing import Literal

from pydantic import field_validator

from data_recipes.schema.example import Example
from training.rewards.reward import RewardConfig, RewardKind, Scorer


class FormatReward(RewardConfig):
    """1 where a whole answer matches a pattern, else 0.

    Attributes:
        kind: Selects this reward.
        pattern: A regular expression of Python; ``.`` also matches line breaks.
    """

    kind: Literal["format"]
    pattern: str

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return pattern


def _make(config: FormatReward) -> Scorer:
    pattern = re.compile(config.pattern, re.DOTALL)
    return lambda examples, answers: [float(pattern.fullmatch(answer.strip()) is not None) for answer in answers]


def _applies(example: Example) -> bool:
    return True


REWARD = RewardKind(FormatReward, _applies, _make)
