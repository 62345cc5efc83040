"""Bottleneck adapters (Houlsby et al., arXiv:1902.00751): small trained networks after attention and feed-forward."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from training.methods.linear import LinearConfig, LinearMethod, Targets

if TYPE_CHECKING:
    from peft import PeftConfig
    from torch import nn


class BottleneckConfig(LinearConfig):
    """Networks of two layers.

    Attributes:
        quantisation: ``nf4`` trains them on a quantised base; null on the plain one.
        targets: Names of the linear layers that have a network after them: as in the paper, the last of attention and
            the last of the feed-forward layer.
        width: Values in the middle of a network.
    """

    kind: Literal["bottleneck"] = "bottleneck"
    targets: Literal["all"] | Targets = Field(["o_proj", "down_proj"])
    width: int = Field(64, ge=1)


class Bottleneck(LinearMethod[BottleneckConfig]):
    """Networks inside every block; they are not linear, so they stay beside the base."""

    config = BottleneckConfig
    described = ("层后的瓶颈适配器", "bottleneck networks after layers")
    result = "beside_base"
    why_not_merged = (
        "networks that are not linear cannot be merged into weights; they are loaded on top of the base model"
    )
    decisive = "bottleneck_up"  # what leads out of a bottleneck starts as zero

    def values(self, config: BottleneckConfig, layer: nn.Linear) -> int:
        """Down is ``[width, out]``, up ``[out, width]``, each with a bias; see ``LinearMethod.values``."""
        return 2 * config.width * layer.out_features + config.width + layer.out_features

    def settings(self, config: BottleneckConfig, targets: list[str]) -> PeftConfig:
        """See ``LinearMethod.settings``."""
        from models.bottleneck import BottleneckSettings

        return BottleneckSettings(task_type="CAUSAL_LM", width=config.width, target_modules=targets)
