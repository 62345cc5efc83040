"""Trained prompts: a model with one answers about its text alone, like any other model."""

from typing import Any

from peft import PeftModel, PeftType
from torch import nn

EMBEDDED = (PeftType.PROMPT_TUNING, PeftType.P_TUNING, PeftType.MULTITASK_PROMPT_TUNING)


def about_the_text(model: PeftModel) -> PeftModel:
    """Drops the logits of a trained prompt, which peft returns with those of the text; others stay as they are."""
    if model.active_peft_config.peft_type in EMBEDDED:
        model.register_forward_hook(_without_prompt, with_kwargs=True)
    return model


def _without_prompt(model: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any], output: Any) -> Any:
    output.logits = output.logits[:, -named["input_ids"].shape[1] :]
    return output
