"""Prompts of trained embeddings: a model with one answers about its text alone, like any other model."""

from typing import Any

from peft import PeftModel, PeftType
from torch import nn

EMBEDDED = (PeftType.PROMPT_TUNING, PeftType.P_TUNING)


def about_the_text(model: PeftModel) -> PeftModel:
    """Makes up for what peft does to the inputs and outputs of a model with a trained prompt; others stay as they are.

    It returns the logits of the prompt with those of the text, and drops the positions of left-padded texts, which would
    make an answer depend on what else is in its batch.
    """
    if model.active_peft_config.peft_type in EMBEDDED:
        model.register_forward_hook(_without_prompt, with_kwargs=True)
        model.get_base_model().register_forward_pre_hook(_with_positions, with_kwargs=True)
    return model


def _without_prompt(model: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any], output: Any) -> Any:
    output.logits = output.logits[:, -named["input_ids"].shape[1] :]
    return output


def _with_positions(
    model: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    is_padded = named.get("attention_mask") is not None
    if is_padded and "position_ids" in named and named["position_ids"] is None:
        read = named["inputs_embeds"] if named.get("input_ids") is None else named["input_ids"]
        positions = (named["attention_mask"].cumsum(-1) - 1).clamp(min=0).long()
        named = named | {"position_ids": positions[:, -read.shape[1] :]}
    return arguments, named
