"""P-Tuning v2 (arXiv:2110.07602): trainable keys and values before the text, in every layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from training.methods.method import MethodConfig, PeftMethod

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel

    from models.families.family import ModelFamily


class PTuningV2Config(MethodConfig):
    """Deep prompts.

    Attributes:
        quantisation: ``nf4`` trains the prefix on a quantised base; null on the plain one.
        prefix_length: Number of virtual tokens per layer.
    """

    kind: Literal["ptuning_v2"] = "ptuning_v2"
    prefix_length: int = Field(32, ge=1)


class PTuningV2(PeftMethod[PTuningV2Config]):
    """Trainable keys and values in every layer."""

    config = PTuningV2Config
    described = ("各层可训练的前缀", "trainable prefixes in every layer")
    result = "beside_base"
    why_not_merged = "a prefix cannot be merged into weights; it is loaded on top of the base model"
    isolates_packed_rows = False  # every example of a row sees the prefix, and through it the others
    recomputes_layers = False  # the prefix is a cache, which transformers drops from a layer that is computed again

    def attach(
        self, model: PreTrainedModel, config: PTuningV2Config, family: ModelFamily
    ) -> PreTrainedModel | PeftModel:
        """Freezes the base and adds a trainable prefix to every layer; see ``Method.attach``.

        The prefix starts as the keys and values that the base itself computes for random tokens of its vocabulary
        (after arXiv:2101.00190, section 7.4). Peft's own initialisation, normally distributed numbers, may be far below
        real keys: attention ignores it, so almost no gradient reaches it.
        """
        import peft

        beginning = _real_keys_and_values(model, config)
        prefixed = peft.get_peft_model(
            model,
            peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=config.prefix_length),
        )
        peft.initialize_kv_prefix_from_past_key_values(prefixed, past_key_values=beginning)
        return prefixed


def _real_keys_and_values(model: PreTrainedModel, config: PTuningV2Config) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """What the base caches for random tokens: keys and values ``[1, heads, prefix_length, head]`` per layer."""
    import torch

    training = model.training
    model.eval()
    ids = torch.randint(model.config.vocab_size, (1, config.prefix_length)).to(model.device)
    with torch.no_grad():
        cache = model(input_ids=ids, use_cache=True).past_key_values
    model.train(training)
    return [(layer.keys, layer.values) for layer in cache.layers]
