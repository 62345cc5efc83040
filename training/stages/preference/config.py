"""The typed schema of recipes that train on pairs of a better and a worse answer."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from common.command import Config
from training.config import PaddedTrainConfig
from training.stages.sft.config import LanguageModelConfig


class LossConfig(Config):
    """What the loss of every kind has.

    Attributes:
        kind: Which loss; each has a configuration of its own.
        needs_reference: Whether it compares with how likely the base found an answer.
    """

    kind: str
    needs_reference: ClassVar[bool]


class DpoLoss(LossConfig):
    """Direct preference optimisation (arXiv:2305.18290).

    Attributes:
        beta: How strongly the model is kept near the base; lower lets it move further away.
        better_weight: Weight of the loss of the better answer beside the preference (arXiv:2404.19733). Without it both
            answers may become less likely, as long as the worse one does so faster; 0 is DPO as published.
    """

    kind: Literal["dpo"]
    beta: float = Field(0.1, gt=0)
    better_weight: float = Field(0.0, ge=0)
    needs_reference = True


class IpoLoss(LossConfig):
    """Identity preference optimisation (arXiv:2310.12036): the difference of a pair has a target, 1 / (2 beta).

    Attributes:
        beta: τ of the paper; lower lets the model move further away from the base.
    """

    kind: Literal["ipo"]
    beta: float = Field(0.1, gt=0)
    needs_reference = True


class OrpoLoss(LossConfig):
    """Odds ratio preference optimisation (arXiv:2403.07691): supervised fine-tuning and preference at once.

    Attributes:
        weight: λ of the paper: weight of the preference beside the loss of the better answer.
    """

    kind: Literal["orpo"]
    weight: float = Field(0.1, gt=0)
    needs_reference = False


class SimpoLoss(LossConfig):
    """Simple preference optimisation (arXiv:2405.14734): the mean log-probability of a token is the reward.

    Attributes:
        beta: Scale of the rewards.
        gamma: By how much the reward of the better answer should be higher.
    """

    kind: Literal["simpo"]
    beta: float = Field(2.0, gt=0)
    gamma: float = Field(1.0, ge=0)
    needs_reference = False


AnyLoss = Annotated[DpoLoss | IpoLoss | OrpoLoss | SimpoLoss, Field(discriminator="kind")]


class PairTrainConfig(PaddedTrainConfig):
    """How a language model is trained on pairs.

    Attributes:
        batch_size: Pairs of a batch; each is two rows.
    """


class PairConfig(LanguageModelConfig):
    """What recipes that train on pairs read."""

    train: PairTrainConfig = PairTrainConfig()


class PreferenceConfig(PairConfig):
    """Everything that a recipe of preferences reads.

    Attributes:
        loss: What is made of a pair.
    """

    stage: Literal["preference"]
    loss: AnyLoss
