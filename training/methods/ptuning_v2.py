"""P-Tuning v2 (arXiv:2110.07602): trainable keys and values before the text, in every layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from common.errors import UserError
from training.methods.method import MethodConfig, PeftMethod

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel


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

    def attach(self, model: PreTrainedModel, config: PTuningV2Config) -> PreTrainedModel | PeftModel:
        """Freezes the base and adds a trainable prefix to every layer; see ``Method.attach``.

        The prefix starts as the keys and values that the base itself computes for random tokens of its vocabulary
        (after arXiv:2101.00190, section 7.4). Peft's own initialisation, normally distributed numbers, may be far below
        real keys: attention ignores it, so almost no gradient reaches it.
        """
        import peft
        import torch

        from training.measured import distance, is_rounding, logits, some_ids

        ids = torch.randint(model.config.vocab_size, (1, config.prefix_length)).to(model.device)
        beginning, text = _keys_and_values(model, ids), some_ids(model, seed=1)
        is_loaded = model.device.type != "meta"  # else it has shapes only, and nothing to measure
        if is_loaded:
            read, alone = logits(model, torch.cat([ids, text], 1))[:, config.prefix_length :], logits(model, text)
        prefixed = peft.get_peft_model(
            model,
            peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=config.prefix_length),
        )
        peft.initialize_kv_prefix_from_past_key_values(prefixed, past_key_values=beginning)
        if is_loaded and not is_rounding(logits(prefixed, text), read, distance(alone, read)):
            raise _refused(model, "does not read a prefix as it reads the tokens that the prefix is made from")
        return prefixed


def _heads(sizes: Any) -> tuple[int, int]:
    """Heads of the keys, and channels of each; not every configuration names them."""
    heads = getattr(sizes, "num_key_value_heads", None) or sizes.num_attention_heads
    return heads, getattr(sizes, "head_dim", None) or sizes.hidden_size // sizes.num_attention_heads


def _keys_and_values(model: PreTrainedModel, ids: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """What the base caches for some tokens: keys and values ``[1, heads, prefix_length, channels]`` per layer.

    Raises:
        UserError: It caches something else, or not all of it.
    """
    import torch

    training = model.training
    model.eval()
    with torch.no_grad():
        cache = model(input_ids=ids, use_cache=True).past_key_values
    model.train(training)
    heads, channels = _heads(model.config)
    expected = (1, heads, ids.shape[1], channels)
    layers = cache.layers if cache is not None else []
    if not layers or any(layer.keys.shape != expected or layer.values.shape != expected for layer in layers):
        raise _refused(
            model, f"does not cache keys and values of {heads} heads with {channels} channels for every token"
        )
    return [(layer.keys, layer.values) for layer in layers]


def _refused(model: PreTrainedModel, why: str) -> UserError:
    return UserError(f"{type(model).__name__} {why}", where="method=ptuning_v2", fix="method=lora or method=qlora")
