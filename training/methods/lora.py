"""LoRA (arXiv:2106.09685), and QLoRA (arXiv:2305.14314) where the base is quantised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from training.methods.method import MethodConfig, PeftMethod

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

    from models.families.family import ModelFamily


class LoraConfig(MethodConfig):
    """Low-rank adapters on linear layers.

    Attributes:
        quantisation: ``nf4`` (with double quantisation) makes it QLoRA; null is LoRA on the plain base.
        rank: Rank r of the update B·A.
        alpha: The update is scaled by alpha / rank.
        targets: Names of linear layers; ``all`` is every linear layer inside the blocks.
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

    def attach(self, model: PreTrainedModel, config: LoraConfig, family: ModelFamily) -> PreTrainedModel | PeftModel:
        """Freezes the base and adds trainable adapters in float32; see ``Method.attach``."""
        import peft

        from training.methods.targets import require

        return peft.get_peft_model(
            model,
            peft.LoraConfig(
                task_type="CAUSAL_LM",
                r=config.rank,
                lora_alpha=config.alpha,
                lora_dropout=config.dropout,
                target_modules=require(model, _targets(config, family)),
            ),
        )


def _targets(config: LoraConfig, family: ModelFamily) -> list[str]:
    return list(family.adapter_targets) if config.targets == "all" else list(config.targets)
