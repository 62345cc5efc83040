"""OFT (arXiv:2306.07280, in the input-centric form of arXiv:2506.19847): the inputs of every layer are rotated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from training.methods.linear import LinearConfig, LinearMethod, misfit

if TYPE_CHECKING:
    from peft import PeftConfig
    from torch import nn


class OftConfig(LinearConfig):
    """Rotations in blocks.

    Attributes:
        block_size: Inputs that are rotated together; it must divide the inputs of every layer.
    """

    kind: Literal["oft"] = "oft"
    block_size: int = Field(32, ge=2)
    dropout: float = Field(0.0, ge=0, lt=1)


class Oft(LinearMethod[OftConfig]):
    """Rotations leave the angles between the rows of a weight as they are, and with them what the base knows."""

    config = OftConfig
    described = ("正交旋转", "rotations of the inputs")

    def values(self, config: OftConfig, layer: nn.Linear) -> int:
        """A rotation of b inputs has b·(b - 1)/2 angles; see ``LinearMethod.values``."""
        if layer.in_features % config.block_size:
            why, fix = "does not divide the inputs", "choose a divisor"
            raise misfit(layer, "method.block_size", config.block_size, why, fix)
        return layer.in_features * (config.block_size - 1) // 2

    def settings(self, config: OftConfig, targets: list[str]) -> PeftConfig:
        """See ``LinearMethod.settings``."""
        import peft

        return peft.OFTConfig(
            task_type="CAUSAL_LM",
            oft_block_size=config.block_size,
            use_cayley_neumann=False,  # exact: an approximate rotation would merge into something else
            module_dropout=config.dropout,
            target_modules=targets,
        )
