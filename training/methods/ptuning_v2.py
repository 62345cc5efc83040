"""P-Tuning v2 (arXiv:2110.07602): trainable keys and values before the text, in every layer."""

from typing import Literal

import peft
from peft import PeftModel
from pydantic import Field
from transformers import PreTrainedModel

from common.command import Config


class PTuningV2Config(Config):
    """Deep prompts.

    Attributes:
        quantisation: ``nf4`` trains the prefix on a quantised base; null on the plain one.
        prefix_length: Number of virtual tokens per layer.
    """

    kind: Literal["ptuning_v2"] = "ptuning_v2"
    quantisation: Literal["nf4"] | None = None
    prefix_length: int = Field(32, ge=1)


def attach_prefix(model: PreTrainedModel, config: PTuningV2Config) -> PeftModel:
    """Freezes the base and adds a trainable prefix to every layer."""
    return peft.get_peft_model(
        model,
        peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=config.prefix_length),
    )
