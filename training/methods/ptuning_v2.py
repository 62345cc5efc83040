"""P-Tuning v2 (arXiv:2110.07602): trainable keys and values before the text, in every layer."""

import peft
from peft import PeftModel
from transformers import PreTrainedModel

from training.config import PTuningV2Config


def attach_prefix(model: PreTrainedModel, config: PTuningV2Config) -> PeftModel:
    """Freezes the base and adds a trainable prefix to every layer."""
    return peft.get_peft_model(
        model,
        peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=config.prefix_length),
    )
