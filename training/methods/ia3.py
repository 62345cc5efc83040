"""IA³ (arXiv:2205.05638): every layer learns how much of its keys, values and inner activations passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from training.methods.method import MethodConfig, PeftMethod

if TYPE_CHECKING:
    from peft import PeftModel
    from torch import nn
    from transformers import PreTrainedModel

SCALED_OUTPUTS = ("k_proj", "v_proj")
SCALED_INPUTS = ("down_proj",)


class Ia3Config(MethodConfig):
    """One factor per channel of keys, values and the feed-forward layer's inner activations."""

    kind: Literal["ia3"] = "ia3"


class Ia3(PeftMethod[Ia3Config]):
    """Learned factors; the fewest trained values of all methods."""

    config = Ia3Config
    described = ("逐通道缩放因子", "a learned factor per channel")
    result = "mergeable"

    def attach(self, model: PreTrainedModel, config: Ia3Config) -> PreTrainedModel | PeftModel:
        """Freezes the base and adds factors that start at 1; see ``Method.attach``."""
        import peft

        return peft.get_peft_model(
            model,
            peft.IA3Config(
                task_type="CAUSAL_LM",
                target_modules=_scaled(model, *SCALED_OUTPUTS, *SCALED_INPUTS),
                feedforward_modules=list(SCALED_INPUTS),
            ),
        )


def _scaled(model: nn.Module, *names: str) -> list[str]:
    """The layers of these names.

    Raises:
        UserError: This model joins or names them otherwise.
    """
    from training.methods.targets import require

    return require(model, names, where="method=ia3", instead="method=lora")
