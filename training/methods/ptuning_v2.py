"""P-Tuning v2 (arXiv:2110.07602): trainable keys and values before the text, in every layer.

With a network that makes them in training it is prefix tuning (arXiv:2101.00190).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from common.errors import UserError
from training.methods.method import MethodConfig, PeftMethod

if TYPE_CHECKING:
    import torch
    from peft import PeftConfig, PeftModel
    from transformers import PreTrainedModel

    from training.base import Base
    from training.trainer.companion import Companion


class PTuningV2Config(MethodConfig):
    """Deep prompts.

    Attributes:
        quantisation: ``nf4`` trains the prefix on a quantised base; null on the plain one.
        prefix_length: Number of virtual tokens per layer.
        start: What the base itself keeps of ``random`` tokens of its vocabulary, or of the first tokens of the
            conversations to be trained on (``text``).
        encoder_width: Hidden size of a network that makes the prefix in training, from random values (prefix tuning);
            null trains keys and values themselves.
    """

    kind: Literal["ptuning_v2"] = "ptuning_v2"
    prefix_length: int = Field(32, ge=1)
    start: Literal["random", "text"] = "random"
    encoder_width: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _a_network_starts_from_random_values(self) -> PTuningV2Config:
        if self.encoder_width is not None and self.start == "text":
            raise ValueError(
                "method.start=text does not work with method.encoder_width: no values of the network are known that "
                "make given keys and values; set method.encoder_width=null, or method.start=random"
            )
        return self


class PTuningV2(PeftMethod[PTuningV2Config]):
    """Trainable keys and values in every layer."""

    config = PTuningV2Config
    described = ("各层可训练的前缀", "trainable prefixes in every layer")
    result = "beside_base"
    why_not_merged = "a prefix cannot be merged into weights; it is loaded on top of the base model"
    isolates_packed_rows = False  # every example of a row sees the prefix, and through it the others
    recomputes_layers = False  # the prefix is a cache, which transformers drops from a layer that is computed again

    def title(self, config: PTuningV2Config) -> str:
        """See ``Method.title``."""
        return "prefix_tuning" if config.encoder_width else self.name

    def why_not_continued(self, config: PTuningV2Config) -> str:
        """See ``Method.why_not_continued``."""
        if config.encoder_width is None:
            return ""
        return "of a network that makes the prefix only the prefix is saved; set method.encoder_width=null"

    def saved_settings(self, config: PTuningV2Config) -> PeftConfig:
        """See ``Method.saved_settings``."""
        import peft

        return peft.PrefixTuningConfig(
            task_type="CAUSAL_LM",
            num_virtual_tokens=config.prefix_length,
            prefix_projection=config.encoder_width is not None,
            encoder_hidden_size=config.encoder_width,
        )

    def virtual_tokens(self, config: PTuningV2Config) -> int:
        """See ``Method.virtual_tokens``."""
        return config.prefix_length

    def attach(self, model: PreTrainedModel, config: PTuningV2Config) -> PreTrainedModel | PeftModel:
        """Freezes the base and adds a trainable prefix to every layer; see ``Method.attach``.

        The prefix starts as the keys and values that the base itself computes for tokens (after arXiv:2101.00190,
        section 7.4). Peft's own initialisation, normally distributed numbers, may be far below real keys: attention
        ignores it, so almost no gradient reaches it.
        """
        import peft
        import torch

        from training.measured import distance, is_rounding, logits, some_ids
        from training.methods.first_tokens import random_tokens

        ids = random_tokens(model, config.prefix_length)
        beginning, text = _keys_and_values(model, ids), some_ids(model, seed=1)
        is_measured = model.device.type != "meta" and config.encoder_width is None  # else there is nothing to compare
        if is_measured:
            read, alone = logits(model, torch.cat([ids, text], 1))[:, config.prefix_length :], logits(model, text)
        prefixed = peft.get_peft_model(model, self.saved_settings(config))
        if config.encoder_width is None:
            peft.initialize_kv_prefix_from_past_key_values(prefixed, past_key_values=beginning)
        if is_measured and not is_rounding(logits(prefixed, text), read, distance(alone, read)):
            raise _refused(model, "does not read a prefix as it reads the tokens that the prefix is made from")
        return prefixed

    def start(
        self, model: PreTrainedModel | PeftModel, config: PTuningV2Config, texts: Sequence[Sequence[int]], base: Base
    ) -> None:
        """See ``Method.start``."""
        import peft

        from training.methods.first_tokens import first_tokens

        if config.start == "text":
            ids = first_tokens(texts, config.prefix_length, "method.prefix_length").to(model.device)
            kept = _keys_and_values(model.get_base_model(), ids)
            peft.initialize_kv_prefix_from_past_key_values(model, past_key_values=kept)

    def companion(self, model: PreTrainedModel | PeftModel, config: PTuningV2Config) -> Companion | None:
        """Keeps the network, of which peft saves only the prefix; see ``Method.companion``."""
        from training.trainer.companion import Companion

        return Companion(model) if config.encoder_width else None


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
