"""AdaLoRA (arXiv:2303.10512): low-rank adapters whose rank is moved in training to the layers that need it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from common.files import read_json
from training.methods.linear import LinearConfig, LinearMethod

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from peft import PeftConfig, PeftModel
    from torch import nn
    from transformers import PreTrainedModel

    from training.base import Base
    from training.trainer.companion import Companion

ADAPTER = "default"
"""Peft's name of the only adapter."""


class AdaLoraConfig(LinearConfig):
    """Adapters B·E·A, where E holds a value per rank; the least important ones become zero.

    Attributes:
        quantisation: ``nf4`` (with double quantisation) tunes on a base in 4 bits; null on the plain one.
        rank: Mean rank of the result.
        initial_rank: Rank of every layer before the first one is taken away; 1.5 · ``rank`` in the paper.
        alpha: The update is scaled by alpha / initial_rank.
        full_share: Share of the steps before the rank falls.
        fixed_share: Share of the steps at the end, with the ranks of the result.
        orthogonality: Weight of the penalty that keeps the rows of A, and the columns of B, orthogonal.
    """

    kind: Literal["adalora"] = "adalora"
    rank: int = Field(16, ge=1)
    initial_rank: int = Field(24, ge=2)
    alpha: float = Field(48, gt=0)
    dropout: float = Field(0.0, ge=0, lt=1)
    full_share: float = Field(0.1, ge=0, lt=1)
    fixed_share: float = Field(0.3, ge=0, lt=1)
    orthogonality: float = Field(0.1, ge=0)

    @model_validator(mode="after")
    def _has_ranks_and_steps_to_take_away(self) -> AdaLoraConfig:
        if self.initial_rank <= self.rank:
            raise ValueError(
                f"method.initial_rank={self.initial_rank} must be above method.rank={self.rank}, or there is no rank "
                "to take away; where the rank is to stay, use method=lora"
            )
        if self.full_share + self.fixed_share >= 1:
            raise ValueError(
                "method.full_share and method.fixed_share leave no steps for the rank to fall in: lower one"
            )
        return self


class AdaLora(LinearMethod[AdaLoraConfig]):
    """Low-rank updates; where the rank goes is decided by what each part of them does to the loss."""

    config = AdaLoraConfig
    any_step_is_a_result = False  # before the schedule ends there are more ranks than asked for
    described = ("自动分配秩的低秩适配器", "low-rank adapters that share out their rank")
    constant = "ranknum"
    decisive = "lora_E"  # the update is B·E·A, and E starts as zero

    def values(self, config: AdaLoraConfig, layer: nn.Linear) -> int:
        """A is ``[rank, in]``, E ``[rank]``, B ``[out, rank]``; see ``LinearMethod.values``."""
        return config.initial_rank * (layer.in_features + 1 + layer.out_features)

    def settings(self, config: AdaLoraConfig, targets: list[str]) -> PeftConfig:
        """See ``LinearMethod.settings``; the schedule is set when the number of steps is known."""
        import peft

        return peft.AdaLoraConfig(
            task_type="CAUSAL_LM",
            target_r=config.rank,
            init_r=config.initial_rank,
            lora_alpha=config.alpha,
            lora_dropout=config.dropout,
            target_modules=targets,
            total_step=1,
        )

    def companion(self, model: PreTrainedModel | PeftModel, config: AdaLoraConfig) -> Companion:
        """See ``Method.companion``."""
        from training.trainer.rank_schedule import RankSchedule

        return RankSchedule(model, config.full_share, config.fixed_share, config.orthogonality)

    def save(self, model: PreTrainedModel | PeftModel, directory: Path, base: Base, dtype: torch.dtype) -> None:
        """See ``Method.save``; only the ranks that are left are written."""
        from training.trainer.rank_schedule import ranks_left

        settings: Any = model.peft_config[ADAPTER]
        settings.rank_pattern = ranks_left(model)
        super().save(model, directory, base, dtype)

    def ranks(self, directory: Path) -> dict[str, int]:
        """See ``Method.ranks``."""
        left = read_json(directory / "adapter_config.json")["rank_pattern"]
        return {name.removesuffix(".lora_E"): sum(kept) for name, kept in left.items()}
