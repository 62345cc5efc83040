"""VeRA (arXiv:2310.11454): one pair of random matrices for all layers, and two trained vectors per layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from training.methods.linear import LinearConfig, LinearMethod

if TYPE_CHECKING:
    from peft import PeftConfig
    from torch import nn


class VeraConfig(LinearConfig):
    """Vectors that scale what random matrices let through.

    Attributes:
        rank: Rank of the random matrices; it costs few trained values, so it is far above that of LoRA.
    """

    kind: Literal["vera"] = "vera"
    rank: int = Field(256, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)


class Vera(LinearMethod[VeraConfig]):
    """Trained vectors between shared random matrices, which are saved with them."""

    config = VeraConfig
    described = ("共享随机矩阵之间的可训练向量", "trained vectors between shared random matrices")
    decisive = "vera_lambda_b"  # the update is b·B·d·A, and b starts as zero

    def values(self, config: VeraConfig, layer: nn.Linear) -> int:
        """The vector d has ``rank`` values, b one per output; see ``LinearMethod.values``."""
        return config.rank + layer.out_features

    def settings(self, config: VeraConfig, targets: list[str]) -> PeftConfig:
        """See ``LinearMethod.settings``."""
        import peft

        return peft.VeraConfig(
            task_type="CAUSAL_LM", r=config.rank, vera_dropout=config.dropout, target_modules=targets
        )
