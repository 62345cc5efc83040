"""HiRA (ICLR 2025, openreview TwJrTz9cRS): every weight is multiplied by 1 plus an element of a low-rank matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from training.methods.linear import LinearConfig, LinearMethod

if TYPE_CHECKING:
    from peft import PeftConfig
    from torch import nn


class HiraConfig(LinearConfig):
    """Factors of a matrix that multiplies the weights; the product needs them unquantised at every step.

    Attributes:
        rank: Rank of the factors; the change of the weight has a far higher one.
    """

    kind: Literal["hira"] = "hira"
    quantisation: None = None
    rank: int = Field(32, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)


class Hira(LinearMethod[HiraConfig]):
    """An update of high rank with as few trained values as LoRA."""

    config = HiraConfig
    described = ("逐元素相乘的高秩适配器", "adapters of high rank, multiplied element by element")
    decisive = "hira_B"  # the change is W ⊙ B·A, and B starts as zero

    def values(self, config: HiraConfig, layer: nn.Linear) -> int:
        """A is ``[rank, in]``, B ``[out, rank]``; see ``LinearMethod.values``."""
        return config.rank * (layer.in_features + layer.out_features)

    def settings(self, config: HiraConfig, targets: list[str]) -> PeftConfig:
        """See ``LinearMethod.settings``."""
        import peft

        return peft.HiraConfig(
            task_type="CAUSAL_LM", r=config.rank, hira_dropout=config.dropout, target_modules=targets
        )
