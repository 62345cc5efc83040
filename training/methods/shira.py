"""SHiRA (arXiv:2406.13175): a small share of the values of every weight is trained, wherever in it they are."""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from training.methods.linear import LinearConfig, LinearMethod, misfit

if TYPE_CHECKING:
    import torch
    from peft import PeftConfig, PeftModel
    from peft.tuners.shira import ShiraLayer
    from torch import nn
    from transformers import PreTrainedModel

ADAPTER = "default"
"""Peft's name of the only adapter."""


class ShiraConfig(LinearConfig):
    """Sparse updates; they are added to the whole weight at every step, so it has to be there unquantised.

    Attributes:
        rank: As many values are trained as LoRA of this rank has; the update itself may have any rank.
    """

    kind: Literal["shira"] = "shira"
    quantisation: None = None
    rank: int = Field(16, ge=1)


class Shira(LinearMethod[ShiraConfig]):
    """A sparse update of high rank, at places drawn once and saved with it."""

    config = ShiraConfig
    described = ("稀疏高秩适配器", "sparse adapters of high rank")

    def values(self, config: ShiraConfig, layer: nn.Linear) -> int:
        """As many as LoRA's A and B have; see ``LinearMethod.values``."""
        values = config.rank * (layer.in_features + layer.out_features)
        if values > layer.in_features * layer.out_features:
            raise misfit(layer, "method.rank", config.rank, "trains more values than the weight has", "lower it")
        return values

    def settings(self, config: ShiraConfig, targets: list[str]) -> PeftConfig:
        """See ``LinearMethod.settings``."""
        import peft

        settings = peft.ShiraConfig(task_type="CAUSAL_LM", r=config.rank, target_modules=targets)
        settings.mask_fn = _places
        return settings

    def attach(self, model: PreTrainedModel, config: ShiraConfig) -> PreTrainedModel | PeftModel:
        """See ``LinearMethod.attach``; of the places on shapes nothing but their number is known."""
        import torch
        from peft.tuners.shira import ShiraLayer

        adapted = super().attach(model, config)
        for layer in adapted.modules():
            if isinstance(layer, ShiraLayer) and ADAPTER not in layer.shira_indices:
                (values,) = layer.shira_weight.values()
                layer.shira_indices[ADAPTER] = torch.empty(2, len(values), dtype=torch.int, device=values.device)
                layer.get_delta_weight = MethodType(_rehearsed, layer)
        return adapted


def _rehearsed(layer: ShiraLayer, adapter: str) -> torch.Tensor:
    """What takes as much memory as the update of a layer: a rehearsal has no tensors with places."""
    values, places = layer.shira_weight[adapter], layer.shira_indices[adapter]
    return (values * places.to(values.device).long()).sum()


def _places(layer: nn.Linear, rank: int, **_: object) -> torch.Tensor | None:
    """Which values of a weight are trained: a mask ``[out, in]``, drawn by peft; none on shapes."""
    from peft.tuners.shira.mask_functions import random_mask

    return None if layer.weight.device.type == "meta" else random_mask(layer, rank)
