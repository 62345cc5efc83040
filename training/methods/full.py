"""Full tuning: every weight is trained, and the result is an ordinary model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from training.methods.method import Method, MethodConfig

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel

    from training.base import Base


class FullConfig(MethodConfig):
    """All weights; there is nothing to choose, and weights in 4 bits cannot be trained."""

    kind: Literal["full"] = "full"
    quantisation: None = None


class Full(Method[FullConfig]):
    """Every weight is trained, in float32."""

    config = FullConfig
    described = ("全参数微调", "full tuning: all weights")
    result = "whole"
    trains_new_tokens = True
    chooses_rate = True

    def rate_over_full(self, config: FullConfig) -> float:
        """See ``Method.rate_over_full``."""
        return 1.0

    def why_not_continued(self, config: FullConfig) -> str:
        """See ``Method.why_not_continued``."""
        return "its result is a whole model: give the run as model.path, with model=generic"

    def attach(self, model: PreTrainedModel, config: FullConfig) -> PreTrainedModel | PeftModel:
        """See ``Method.attach``; below float32, updates much smaller than a weight would round away."""
        return model.float().requires_grad_(True)

    def save(self, model: PreTrainedModel | PeftModel, directory: Path, base: Base, dtype: torch.dtype) -> None:
        """An ordinary model directory; see ``Method.save``."""
        from models.export import save_native

        save_native(model.to(dtype), directory, base.family, base.checkpoint, base.prompt_format)
