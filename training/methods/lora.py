"""LoRA (arXiv:2106.09685), QLoRA (arXiv:2305.14314) where the base is quantised, and what changes how LoRA learns.

rsLoRA (arXiv:2312.03732) is another scaling, DoRA (arXiv:2402.09353) also trains the length of every row of a weight,
PiSSA (arXiv:2404.02948), OLoRA (arXiv:2406.01775), EVA (arXiv:2410.07170) and LoftQ (arXiv:2310.08659) are other
starts, LoRA+ (arXiv:2402.12354) another learning rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from common.files import read_json, write_json
from training.methods.linear import LinearConfig, LinearMethod, misfit

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from peft import PeftConfig, PeftModel
    from peft.tuners.lora import LoraLayer
    from torch import nn
    from transformers import PreTrainedModel

    from training.base import Base

ADAPTER = "default"
"""Peft's name of the only adapter."""
OVER_FULL, ALPHA = 10.0, 32.0
"""The learning rate of LoRA in multiples of that of full tuning, and the alpha that it was measured with."""
START_OF_A, START_OF_B = "start_of_lora_A", "start_of_lora_B"
"""Buffers of a layer whose adapter started as a part of its weight: ``[rank, in]`` and ``[out, rank]``."""


class LoraConfig(LinearConfig):
    """Low-rank adapters on linear layers.

    Attributes:
        quantisation: ``nf4`` (with double quantisation) makes it QLoRA; null is LoRA on the plain base.
        rank: Rank r of the update B·A.
        alpha: The update is scaled by alpha / rank.
        rslora: It is scaled by alpha / √rank instead, so that a higher rank learns as fast (rsLoRA).
        dora: The length of every row of a weight is trained besides its direction (DoRA).
        start: ``zero``: B is zero and A random, so the base starts as it is. ``pissa``: A and B are the largest
            singular values of each weight, ``olora``: the first columns of its QR decomposition; the rest is frozen.
            ``eva``: B is zero, and A what the inputs of each layer vary most in, on the conversations. ``loftq``: B·A
            is the largest part of what quantisation took from each weight.
        loraplus_ratio: The learning rate of B, in multiples of that of A (LoRA+; 16 in the paper); 1 is LoRA.
        new_tokens: Ids of tokens, the first and the one after the last, whose embeddings and rows of the output layer
            are trained, too; the stage ``pretrain`` sets it where it extends the vocabulary.
    """

    kind: Literal["lora"] = "lora"
    rank: int = Field(16, ge=1)
    alpha: float = Field(32, gt=0)
    dropout: float = Field(0.0, ge=0, lt=1)
    rslora: bool = False
    dora: bool = False
    start: Literal["zero", "pissa", "olora", "eva", "loftq"] = "zero"
    loraplus_ratio: float = Field(1.0, ge=1)
    new_tokens: tuple[int, int] | None = None

    @property
    def decomposes(self) -> bool:
        """Whether training starts from a part of the weights, which is taken out of them."""
        return self.start in ("pissa", "olora")

    @property
    def scaling(self) -> float:
        """What the update B·A is multiplied by."""
        return self.alpha / (self.rank**0.5 if self.rslora else self.rank)

    @model_validator(mode="after")
    def _goes_together(self) -> LoraConfig:
        if self.decomposes and self.quantisation:
            raise ValueError(
                f"method.start={self.start} takes a part out of every weight, which 4 bits would round again: set "
                "method.quantisation=null, or method.start=zero"
            )
        if self.start == "loftq" and not self.quantisation:
            raise ValueError(
                "method.start=loftq begins with what quantisation takes away: set method.quantisation=nf4, or "
                "method.start=zero"
            )
        if self.decomposes and self.dora:
            raise ValueError(
                f"method.start={self.start} does not work with method.dora=true: the result could not be written as an "
                "adapter of the base; choose one of them"
            )
        if self.dora and self.quantisation:
            raise ValueError(
                "method.dora=true does not work with method.quantisation=nf4: every step would dequantise all weights "
                "again for their lengths; set method.quantisation=null, or method.dora=false"
            )
        return self


class Lora(LinearMethod[LoraConfig]):
    """Low-rank updates of linear layers."""

    config = LoraConfig
    described = ("低秩适配器", "low-rank adapters")
    trains_new_tokens = True
    chooses_rate = True
    has_rank = True
    decisive = "lora_B"  # the update is B·A, and B starts as zero

    def title(self, config: LoraConfig) -> str:
        """See ``Method.title``."""
        parts = {
            "qlora" if config.quantisation else self.name: True,
            "rslora": config.rslora,
            "dora": config.dora,
            config.start: config.start != "zero",
            "lora+": config.loraplus_ratio > 1,
        }
        return ", ".join(name for name, said in parts.items() if said)

    def values(self, config: LoraConfig, layer: nn.Linear) -> int:
        """A is ``[rank, in]``, B ``[out, rank]``, a length per output; see ``LinearMethod.values``."""
        if config.decomposes and config.rank > min(layer.in_features, layer.out_features):
            why = "is more than the rank"
            raise misfit(layer, "method.rank", config.rank, why, "lower it, or method.start=zero")
        lengths = layer.out_features if config.dora else 0
        return config.rank * (layer.in_features + layer.out_features) + lengths

    def settings(self, config: LoraConfig, targets: list[str]) -> PeftConfig:
        """See ``LinearMethod.settings``."""
        import peft

        return peft.LoraConfig(
            task_type="CAUSAL_LM",
            r=config.rank,
            lora_alpha=config.alpha,
            lora_dropout=config.dropout,
            target_modules=targets,
            use_rslora=config.rslora,
            use_dora=config.dora,
        )

    def tokens(self, config: LoraConfig) -> Sequence[int]:
        """See ``LinearMethod.tokens``."""
        return range(*config.new_tokens) if config.new_tokens else ()

    def with_new_tokens(self, config: LoraConfig, ids: tuple[int, int]) -> LoraConfig:
        """See ``Method.with_new_tokens``."""
        return config.model_copy(update={"new_tokens": ids})

    def rate_over_full(self, config: LoraConfig) -> float | None:
        """See ``Method.rate_over_full``.

        Ten times that of full tuning at alpha 32, whatever the rank is ("LoRA Without Regret", 2025). There the update
        is scaled by 32 / rank; under Adam one that is scaled k times as much moves k times as far. Nothing was measured
        where training starts from a part of the weights, or B has a rate of its own.
        """
        if config.start != "zero" or config.loraplus_ratio > 1:
            return None
        return OVER_FULL * (ALPHA / config.rank) / config.scaling

    def why_not_continued(self, config: LoraConfig) -> str:
        """See ``Method.why_not_continued``."""
        if not config.decomposes:
            return ""
        return f"method.start={config.start} begins with a part of the weights; set method.start=zero"

    def saved_settings(self, config: LoraConfig) -> PeftConfig:
        """See ``Method.saved_settings``."""
        return self.settings(config, [])

    def rates(self, config: LoraConfig) -> Mapping[str, float]:
        """See ``Method.rates``."""
        return {"lora_B": config.loraplus_ratio} if config.loraplus_ratio > 1 else {}

    def base_is_kept(self, config: LoraConfig) -> bool:
        """See ``Method.base_is_kept``; a start that is a part of the weights is missing from them."""
        return not config.decomposes

    def attach(self, model: PreTrainedModel, config: LoraConfig) -> PreTrainedModel | PeftModel:
        """Keeps room for a start that is a part of the weights; see ``LinearMethod.attach``."""
        adapted = super().attach(model, config)
        if config.decomposes:
            for layer in _layers(adapted):
                layer.register_buffer(START_OF_A, layer.lora_A[ADAPTER].weight.detach().clone(), persistent=False)
                layer.register_buffer(START_OF_B, layer.lora_B[ADAPTER].weight.detach().clone(), persistent=False)
        return adapted

    def start(
        self, model: PreTrainedModel | PeftModel, config: LoraConfig, texts: Sequence[Sequence[int]], base: Base
    ) -> None:
        """Fills the adapter from weights or texts; see ``Method.start``."""
        import torch

        from training.methods import lora_starts

        if config.start == "eva":
            lora_starts.from_inputs(model, texts)
        if config.start == "loftq":
            lora_starts.from_quantisation(model, base)
        if not config.decomposes:
            return
        for layer in _layers(model):
            with torch.no_grad():
                if config.start == "pissa":
                    layer.pissa_init(ADAPTER, config.start)
                else:
                    layer.olora_init(ADAPTER)
                layer.get_buffer(START_OF_A).copy_(layer.lora_A[ADAPTER].weight)
                layer.get_buffer(START_OF_B).copy_(layer.lora_B[ADAPTER].weight)

    def save(self, model: PreTrainedModel | PeftModel, directory: Path, base: Base, dtype: torch.dtype) -> None:
        """See ``Method.save``; a start from the weights becomes an adapter of the base, of twice the rank."""
        super().save(model, directory, base, dtype)
        starts = {name: values for name, values in model.named_buffers() if name.endswith((START_OF_A, START_OF_B))}
        if starts:
            _write_as_change(directory, starts)


def _layers(model: nn.Module) -> Iterator[LoraLayer]:
    from peft.tuners.lora import LoraLayer

    return (module for module in model.modules() if isinstance(module, LoraLayer))


def _write_as_change(directory: Path, starts: Mapping[str, torch.Tensor]) -> None:
    """Rewrites B·A, an adapter of what B₀·A₀ left of the base, as [B, -B₀]·[A; A₀], an adapter of the base itself."""
    import torch
    from safetensors.torch import load_file, save_file

    file, settings = directory / "adapter_model.safetensors", directory / "adapter_config.json"
    values = load_file(file)
    for name, start in starts.items():
        if name.endswith(START_OF_A):
            key = name.replace(START_OF_A, "lora_A.weight")
            values[key] = torch.cat([values[key], start.cpu()], 0)
        else:
            key = name.replace(START_OF_B, "lora_B.weight")
            values[key] = torch.cat([values[key], -start.cpu()], 1)
    save_file(values, file, metadata={"format": "pt"})
    said = read_json(settings)
    grown = 2**0.5 if said["use_rslora"] else 2  # the scaling stays
    write_json(settings, said | {"r": 2 * said["r"], "lora_alpha": grown * said["lora_alpha"]})
