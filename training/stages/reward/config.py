"""The typed schema of recipes that train a reward model."""

from typing import Literal

from pydantic import model_validator

from training.methods import METHODS
from training.stages.preference.config import PairConfig


class RewardModelConfig(PairConfig):
    """Everything that a recipe of reward models reads."""

    stage: Literal["reward"]

    @model_validator(mode="after")
    def _becomes_one_model(self) -> "RewardModelConfig":
        if METHODS[self.method.kind].result != "mergeable" or not self.merge.enabled:
            raise ValueError(
                "a reward model is one model, into which what was trained is merged: set method=lora or method=qlora, "
                "and merge.enabled=true"
            )
        return self

    @model_validator(mode="after")
    def _takes_no_exams(self) -> "RewardModelConfig":
        if self.exams:
            raise ValueError("a reward model rates answers and takes no exam: set suite=dataset, and no retention.path")
        return self
