"""P-Tuning v2 (arXiv:2110.07602): trainable keys and values before the text, in every layer."""

import peft
import torch
from peft import PeftModel
from transformers import PreTrainedModel

from training.config import PTuningV2Config


def attach_prefix(model: PreTrainedModel, config: PTuningV2Config) -> PeftModel:
    """Freezes the base and adds a trainable prefix to every layer.

    The prefix begins as the keys and values that the base itself computes for random tokens of its vocabulary (after
    arXiv:2101.00190, section 7.4). Peft's own beginning, normally distributed numbers, may be far below real keys:
    attention passes over it, so almost no gradient reaches it.
    """
    beginning = _real_keys_and_values(model, config)
    prefixed = peft.get_peft_model(
        model,
        peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=config.prefix_length),
    )
    peft.initialize_kv_prefix_from_past_key_values(prefixed, past_key_values=beginning)
    return prefixed


@torch.no_grad()
def _real_keys_and_values(model: PreTrainedModel, config: PTuningV2Config) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """What the base keeps of random tokens: keys and values ``[1, heads, prefix_length, head]`` per layer."""
    training = model.training
    model.eval()
    ids = torch.randint(model.config.vocab_size, (1, config.prefix_length)).to(model.device)
    cache = model(input_ids=ids, use_cache=True).past_key_values
    model.train(training)
    return [(layer.keys, layer.values) for layer in cache.layers]
