"""MiSS (arXiv:2409.15371): one trained matrix per layer, which all shards of the layer's inputs share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from training.methods.linear import LinearConfig, LinearMethod, misfit

if TYPE_CHECKING:
    from peft import PeftConfig
    from torch import nn


class MissConfig(LinearConfig):
    """One matrix per layer.

    Attributes:
        rank: Inputs are summed up into this many before they meet the matrix.
    """

    kind: Literal["miss"] = "miss"
    rank: int = Field(64, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)


class Miss(LinearMethod[MissConfig]):
    """One matrix per layer: about half of LoRA's trained values at the same rank."""

    config = MissConfig
    described = ("各分片共享的矩阵", "a matrix that shards share")

    def values(self, config: MissConfig, layer: nn.Linear) -> int:
        """The matrix is ``[rank, out]``; see ``LinearMethod.values``."""
        if config.rank > layer.in_features:
            raise misfit(layer, "method.rank", config.rank, "is more than the inputs", "lower it")
        return config.rank * layer.out_features

    def settings(self, config: MissConfig, targets: list[str]) -> PeftConfig:
        """See ``LinearMethod.settings``."""
        import peft

        return peft.MissConfig(
            task_type="CAUSAL_LM", r=config.rank, miss_dropout=config.dropout, target_modules=targets
        )
