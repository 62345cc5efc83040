"""The typed schema of recipes that train on single answers, each desirable or not."""

from typing import Literal

from pydantic import Field

from common.command import Config
from training.config import PaddedTrainConfig
from training.stages.sft.config import LanguageModelConfig


class KtoLoss(Config):
    """Kahneman-Tversky optimisation (arXiv:2402.01306).

    Attributes:
        beta: How strongly the model is kept near the base; lower lets it move further away.
        desirable_weight: λ_D of the paper: weight of the desirable answers.
        undesirable_weight: λ_U: weight of the undesirable ones. The paper wants all desirable answers together to weigh
            1 to 4/3 times as much as all undesirable ones; a warning says so where they do not.
    """

    beta: float = Field(0.1, gt=0)
    desirable_weight: float = Field(1.0, gt=0)
    undesirable_weight: float = Field(1.0, gt=0)


class KtoTrainConfig(PaddedTrainConfig):
    """How a language model is trained on labelled answers.

    Attributes:
        batch_size: Answers of a batch. How far the model has moved from the base is estimated from these, so there are
            at least two.
    """

    batch_size: int = Field(16, ge=2)


class KtoConfig(LanguageModelConfig):
    """Everything that a recipe of labelled answers reads.

    Attributes:
        loss: What is made of an answer.
    """

    stage: Literal["kto"]
    train: KtoTrainConfig = KtoTrainConfig()
    loss: KtoLoss = KtoLoss()
