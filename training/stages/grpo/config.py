"""The typed schema of recipes that train on rewards of sampled answers."""

from typing import Literal

from pydantic import Field, model_validator

from common.command import Config
from training.config import PaddedTrainConfig
from training.methods import METHODS
from training.rewards import AnyRewardConfig
from training.stages.sft.config import LanguageModelConfig

Estimator = Literal["grpo", "dr_grpo", "rloo"]


class PolicyConfig(Config):
    """How answers are sampled, compared and learned from.

    Attributes:
        advantage: How the rewards of a group become advantages, and what the loss is divided by: ``grpo``
            (arXiv:2402.03300, every token counts alike), ``dr_grpo`` (arXiv:2503.20783, without standard deviation) or
            ``rloo`` (arXiv:2402.14740, against the mean of the others, whole answers).
        group: Answers that are sampled to each question, at temperature 1: from the distribution that is trained.
        max_new_tokens: Most tokens of an answer; a longer one is cut, and judged as it is.
        updates: Steps that are taken on the same answers. From the second on the ratio to the model that sampled them
            differs from 1, and is clipped.
        clip: ε: how far that ratio counts.
        kl: β: weight of the distance from the base, which is the same model with its adapter off; 0 does without.
        dev_questions: Dev questions that are answered greedily at every evaluation.
    """

    advantage: Estimator = "grpo"
    group: int = Field(8, ge=2)
    max_new_tokens: int = Field(64, ge=1)
    updates: int = Field(1, ge=1)
    clip: float = Field(0.2, gt=0, lt=1)
    kl: float = Field(0.0, ge=0)
    dev_questions: int = Field(64, ge=1)


class GrpoTrainConfig(PaddedTrainConfig):
    """How a language model is trained on its own answers.

    Attributes:
        batch_size: Questions of a batch; each is as many rows as ``policy.group``.
        gradient_accumulation: Batches of a step. Their answers are sampled together.
        max_length: Longest prompt and answer in tokens; a question that leaves no room for ``policy.max_new_tokens`` is
            longer.
        keep_best: The result has the values of the evaluation with the highest reward of the dev questions (their dev
            loss is that reward, negated).
    """


class GrpoConfig(LanguageModelConfig):
    """Everything that a recipe of rewards reads.

    Attributes:
        policy: How answers are sampled, compared and learned from.
        rewards: What is good in an answer; its reward is their weighted sum.
    """

    stage: Literal["grpo"]
    policy: PolicyConfig = PolicyConfig()
    rewards: tuple[AnyRewardConfig, ...]
    train: GrpoTrainConfig = GrpoTrainConfig()

    @model_validator(mode="after")
    def _answers_fit(self) -> "GrpoConfig":
        if self.policy.max_new_tokens >= self.train.max_length:
            raise ValueError(
                f"policy.max_new_tokens={self.policy.max_new_tokens} leaves no room for a question within "
                f"train.max_length={self.train.max_length}: raise train.max_length"
            )
        return self

    @model_validator(mode="after")
    def _each_reward_once(self) -> "GrpoConfig":
        kinds = [reward.kind for reward in self.rewards]
        if not kinds:
            raise ValueError("rewards: name at least one, e.g. rewards=[{kind: numeric}]")
        if repeated := {kind for kind in kinds if kinds.count(kind) > 1}:
            raise ValueError(f"rewards: {', '.join(sorted(repeated))} is named twice: give it once, with one weight")
        return self

    @model_validator(mode="after")
    def _the_reference_is_there(self) -> "GrpoConfig":
        if self.policy.kl and not METHODS[self.method.kind].base_is_kept(self.method):
            raise ValueError(
                "policy.kl needs the base beside the model in training, and this method changes the base itself: set "
                "policy.kl=0, or method=qlora (method=lora)"
            )
        return self
