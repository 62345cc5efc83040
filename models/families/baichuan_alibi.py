"""Baichuan-13B and Baichuan2-13B: LLaMA's blocks with ALiBi instead of rotary positions, in a small custom class.

ALiBi (arXiv:2108.12409) adds ``slope · (j - i)`` to the score of query i and key j. A softmax ignores what is added
to a whole row, so ``slope · j`` is enough, which is the product of a one in the query and a number in the key:
the bias goes into a few extra channels of queries and keys, and every attention kernel computes it exactly, without a
mask of ``[heads, seq, seq]``. Flash and memory-efficient attention, padding, packing and a prefix work as for LLaMA.

In half precision the number is split into three that add up to it exactly (8 bits each in bfloat16). The original
stores ``slope · j`` itself in bfloat16, which at 4,096 tokens is off by up to 15 near the diagonal; here it is not.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, Cache, LlamaConfig, LlamaForCausalLM
from transformers.modeling_outputs import BaseModelOutputWithPast
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.llama.modeling_llama import (
    LlamaAttention,
    LlamaModel,
    LlamaPreTrainedModel,
    eager_attention_forward,
)

from models.families.baichuan import (
    LICENCE,
    is_original,
    is_second_generation,
    native_sizes,
    original_config,
    prompt_format,
    refuse_free_head,
    refuse_quantised,
    tokenizer,
    transforms,
)
from models.families.family import Checkpoint, ModelFamily, OriginalLayout, Plan, native_plan

EXTRA_CHANNELS = 8  # flash kernels need head sizes in multiples of 8; the bias needs at most three


def alibi_slopes(heads: int) -> list[float]:
    """The slope of each head (arXiv:2108.12409, section 3; for other counts than powers of two as in its code).

    For n = 2^k heads: 2^(-8/n), 2^(-16/n), …; otherwise those of the next lower power of two, then every second one
    of its double.
    """
    power = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * (head + 1) / power) for head in range(power)]
    between = [2 ** (-8 * (head + 1) / (2 * power)) for head in range(0, 2 * (heads - power), 2)]
    return slopes + between


class BaichuanAlibiConfig(LlamaConfig):
    """``LlamaConfig`` under its own name; the rotary keys are not used."""

    model_type = "baichuan_alibi"


class BaichuanAlibiAttention(LlamaAttention):
    """LLaMA's attention with the bias in extra channels instead of rotary positions."""

    def forward(
        self,
        hidden_states: torch.Tensor,
        position_embeddings: tuple[torch.Tensor, torch.Tensor] | None = None,
        attention_mask: torch.Tensor | None = None,
        past_key_values: Cache | None = None,
        position_ids: torch.Tensor | None = None,
        cached_positions: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """``hidden_states`` ``[batch, seq, hidden]`` to the same; the cache holds keys without the bias.

        Positions count from each sequence's start where there is no cache (packed rows restart at 0), and over the
        whole cache where there is one: there ``cached_positions`` ``[batch, keys]`` skips padding.
        """
        shape = (*hidden_states.shape[:-1], -1, self.head_dim)
        query = self.q_proj(hidden_states).view(shape).transpose(1, 2)
        key = self.k_proj(hidden_states).view(shape).transpose(1, 2)
        value = self.v_proj(hidden_states).view(shape).transpose(1, 2)
        if past_key_values is not None:
            key, value = past_key_values.update(key, value, self.layer_idx)
            position_ids = cached_positions
        positions = torch.arange(key.shape[2], device=key.device)[None] if position_ids is None else position_ids
        query, key, value = self._with_bias(query, key, value, positions)
        attend: Callable[..., Any] = ALL_ATTENTION_FUNCTIONS.get_interface(
            self.config._attn_implementation, eager_attention_forward
        )
        output, weights = attend(
            self,
            query,
            key,
            value,
            attention_mask,
            dropout=self.attention_dropout if self.training else 0.0,
            scaling=self.scaling,
            **kwargs,
        )
        output = output[..., : self.head_dim].reshape(*hidden_states.shape[:-1], -1)
        return self.o_proj(output), weights

    def _with_bias(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, positions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Adds channels ``q · k = slope · j / scaling`` to queries and keys ``[batch, heads, seq, head_dim]``."""
        slopes = torch.tensor(alibi_slopes(query.shape[1]), device=key.device)  # not a buffer: see from_pretrained
        # the query's channel is a power of two, so it costs no precision; it keeps the key's small enough for float16
        one = 2.0 ** math.ceil(-math.log2(self.scaling))
        bias = slopes[None, :, None] * (positions[:, None, :] / (self.scaling * one))  # [batch, heads, keys]
        keys = torch.zeros(*bias.shape, EXTRA_CHANNELS, dtype=key.dtype, device=key.device)
        for channel in range(1 if key.dtype == torch.float32 else 3):
            keys[..., channel] = bias.to(key.dtype)
            bias = bias - keys[..., channel].float()
        queries = torch.zeros(EXTRA_CHANNELS, dtype=query.dtype, device=query.device)
        queries[:3] = one
        return (
            torch.cat([query, queries.expand(*query.shape[:-1], -1)], dim=-1),
            torch.cat([key, keys.expand(len(key), -1, -1, -1)], dim=-1),
            torch.nn.functional.pad(value, (0, EXTRA_CHANNELS)),  # flash kernels need equal head sizes
        )


class BaichuanAlibiModel(LlamaModel):
    """LLaMA's decoder with ALiBi attention."""

    config_class = BaichuanAlibiConfig

    def __init__(self, config: BaichuanAlibiConfig) -> None:
        super().__init__(config)
        for index, layer in enumerate(self.layers):
            layer.self_attn = BaichuanAlibiAttention(config, index)
        self.post_init()

    def forward(self, *args: Any, attention_mask: torch.Tensor | None = None, **kwargs: Any) -> BaseModelOutputWithPast:
        """LLaMA's, with the positions of all keys: padding between a prefix and the text shifts neither."""
        positions = None
        if attention_mask is not None and attention_mask.dim() == 2:
            positions = (attention_mask.long().cumsum(-1) - 1).clamp(min=0)  # [batch, keys]
        return super().forward(*args, attention_mask=attention_mask, cached_positions=positions, **kwargs)


class BaichuanAlibiForCausalLM(LlamaForCausalLM):
    """Baichuan-13B in native layout. It has no buffers: transformers leaves them uninitialised."""

    config_class = BaichuanAlibiConfig

    def __init__(self, config: BaichuanAlibiConfig) -> None:
        LlamaPreTrainedModel.__init__(self, config)
        self.model = BaichuanAlibiModel(config)
        self.vocab_size = config.vocab_size
        self.lm_head = torch.nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()


AutoConfig.register(BaichuanAlibiConfig.model_type, BaichuanAlibiConfig)
AutoModelForCausalLM.register(BaichuanAlibiConfig, BaichuanAlibiForCausalLM)


def _plan(checkpoint: Checkpoint) -> Plan:
    if checkpoint.config.get("architectures") == [BaichuanAlibiForCausalLM.__name__]:
        return native_plan(checkpoint)
    refuse_quantised(checkpoint)
    config = BaichuanAlibiConfig(**native_sizes(checkpoint, "baichuan_alibi"))
    norm_head = is_second_generation(checkpoint)
    return Plan(BaichuanAlibiForCausalLM, config, transforms(config.hidden_size, norm_head=norm_head))


BAICHUAN_ALIBI = ModelFamily(
    name="baichuan_alibi",
    licence=LICENCE,
    no_gguf=None,
    own_class=True,
    recognises=lambda config: (
        is_original(config, rotary=False) or config.get("architectures") == [BaichuanAlibiForCausalLM.__name__]
    ),
    plan=_plan,
    tokenizer=tokenizer,
    prompt_format=prompt_format,
    is_original=lambda config: is_original(config, rotary=False),
    original=OriginalLayout(
        original_config,
        lambda config: transforms(config.hidden_size, norm_head=False),
        refuse=refuse_free_head,
    ),
)
