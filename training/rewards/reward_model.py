"""A trained reward model rates the answer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from data_recipes.schema.example import Example, Message
from training.rewards.reward import RewardConfig, RewardKind, Scorer


class RewardModelReward(RewardConfig):
    """What a reward model says of an answer; it has no bounds.

    Attributes:
        kind: Selects this reward.
        run: A run of stage ``reward``, or ``runs/NAME/latest`` for the newest finished run of that name.
    """

    kind: Literal["reward_model"]
    run: str


def _settled(config: RewardModelReward) -> RewardModelReward:
    from training.earlier_run import run_at

    return config.model_copy(update={"run": str(run_at(Path(config.run).expanduser(), "rewards.run").path.resolve())})


def _make(config: RewardModelReward) -> Scorer:
    from models.reward_model import RewardModel

    model = RewardModel.load(Path(config.run))

    def scores(examples: Sequence[Example], answers: Sequence[str]) -> list[float]:
        """An empty answer is rated like a blank: prompt formats have no empty turn."""
        said = [Message(role="assistant", content=answer or " ") for answer in answers]
        return model.rate([(*example.prompt, turn) for example, turn in zip(examples, said, strict=True)])

    return scores


def _applies(example: Example) -> bool:
    return True


REWARD = RewardKind(RewardModelReward, _applies, _make, _settled)
