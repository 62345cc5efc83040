"""LoRA (arXiv:2106.09685), and QLoRA (arXiv:2305.14314) where the base is quantised."""

import peft
from peft import PeftModel
from torch import nn
from transformers import PreTrainedModel

from common.errors import UserError
from models.families.family import ModelFamily
from training.config import LoraConfig


def attach_lora(model: PreTrainedModel, config: LoraConfig, family: ModelFamily) -> PeftModel:
    """Freezes the base and adds trainable adapters in float32.

    Raises:
        UserError: A target names no linear layer of this model; the message lists those there are.
    """
    targets = list(family.adapter_targets) if config.targets == "all" else list(config.targets)
    there = sorted({name.rsplit(".", 1)[-1] for name, module in model.named_modules() if isinstance(module, nn.Linear)})
    unknown = [target for target in targets if target not in there]
    if unknown:
        raise UserError(
            f"no linear layer is called {', '.join(unknown)}",
            where="method.targets",
            fix=f"this model has: {', '.join(there)}",
        )
    return peft.get_peft_model(
        model,
        peft.LoraConfig(
            task_type="CAUSAL_LM",
            r=config.rank,
            lora_alpha=config.alpha,
            lora_dropout=config.dropout,
            target_modules=targets,
        ),
    )
