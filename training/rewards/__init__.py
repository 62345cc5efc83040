"""What may be good in an answer: every reward in one table; each file holds a reward's configuration and its record."""

from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Field

from training.rewards import format, numeric, refusal, reward_model
from training.rewards.reward import RewardConfig, RewardKind

_ALL: tuple[RewardKind[Any], ...] = (
    numeric.REWARD,
    format.REWARD,
    refusal.REWARD,
    reward_model.REWARD,
    # a new reward is added here (and imported above)
)

REWARDS: dict[str, RewardKind[Any]] = {reward.kind: reward for reward in _ALL}
"""By the ``kind`` of their configuration."""

if TYPE_CHECKING:
    AnyRewardConfig = RewardConfig
else:  # derived from the table, so that a reward is registered in one place
    AnyRewardConfig = Annotated[Union[tuple(r.config for r in _ALL)], Field(discriminator="kind")]  # noqa: UP007
