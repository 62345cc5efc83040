"""LoRA (arXiv:2106.09685), and QLoRA (arXiv:2305.14314) where the base is quantised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from common.errors import UserError
from training.methods.method import MethodConfig, PeftMethod

if TYPE_CHECKING:
    from peft import PeftModel
    from torch import nn
    from transformers import PreTrainedModel


class LoraConfig(MethodConfig):
    """Low-rank adapters on linear layers.

    Attributes:
        quantisation: ``nf4`` (with double quantisation) makes it QLoRA; null is LoRA on the plain base.
        rank: Rank r of the update B·A.
        alpha: The update is scaled by alpha / rank.
        targets: Names of linear layers; ``all`` is every linear layer inside the blocks, with fused experts those of
            attention.
    """

    kind: Literal["lora"] = "lora"
    rank: int = Field(16, ge=1)
    alpha: float = Field(32, gt=0)
    dropout: float = Field(0.0, ge=0, lt=1)
    targets: Literal["all"] | list[str] = "all"


class Lora(PeftMethod[LoraConfig]):
    """Low-rank updates of linear layers."""

    config = LoraConfig
    described = ("低秩适配器", "low-rank adapters")
    result = "mergeable"
    decisive = "lora_B"  # the update is B·A, and B starts as zero

    def title(self, config: LoraConfig) -> str:
        """See ``Method.title``."""
        return "qlora" if config.quantisation else self.name

    def attach(self, model: PreTrainedModel, config: LoraConfig) -> PreTrainedModel | PeftModel:
        """Freezes the base and adds trainable adapters in float32; see ``Method.attach``."""
        import peft

        from training.methods.targets import attention, linear_layers

        targets, reached = _targets(model, config), attention(model)
        planned = sum(config.rank * (one.in_features + one.out_features) for one in linear_layers(model, targets))
        adapted = peft.get_peft_model(
            model,
            peft.LoraConfig(
                task_type="CAUSAL_LM",
                r=config.rank,
                lora_alpha=config.alpha,
                lora_dropout=config.dropout,
                target_modules=targets,
            ),
        )
        if sum(p.numel() for p in adapted.parameters() if p.requires_grad) != planned:
            raise UserError(
                f"peft does not adapt the layers of {type(model).__name__} that are named: it takes some for experts",
                where="method.targets",
                fix=f"method.targets=[{','.join(reached)}]",
            )
        return adapted

    def untuned(self, shapes: nn.Module, config: LoraConfig) -> str:
        """See ``Method.untuned``."""
        from training.methods.targets import untuned

        return untuned(shapes)


def _targets(model: nn.Module, config: LoraConfig) -> list[str]:
    from training.methods.targets import all_targets, require

    return all_targets(model) if config.targets == "all" else require(model, config.targets)
