"""Bottleneck adapters (arXiv:1902.00751): small networks after layers of a frozen model, as a kind of peft's adapters.

Peft has none, so they are added to its kinds: what peft does with an adapter (attach, save, load, switch off) it does
with these. Whoever loads a saved one with peft alone needs this module.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

import torch
from peft import PeftConfig
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING, PEFT_TYPE_TO_PREFIX_MAPPING, PEFT_TYPE_TO_TUNER_MAPPING
from peft.tuners.tuners_utils import BaseTuner, BaseTunerLayer
from torch import nn

KIND = "BOTTLENECK"
START = 0.01
"""Deviation of the first weights that lead into a bottleneck; those that lead out start as zero."""


@dataclass
class BottleneckSettings(PeftConfig):
    """As it is saved beside the values.

    Attributes:
        width: Values in the middle of each network.
        target_modules: Names of the linear layers that have a network after them.
    """

    width: int = 64
    target_modules: list[str] | set[str] | None = None
    inference_mode: bool = field(default=False)

    def __post_init__(self) -> None:
        self.peft_type = KIND
        super().__post_init__()
        self.target_modules = set(self.target_modules or ())


class BottleneckLayer(nn.Module, BaseTunerLayer):
    """A layer with a network after it: ``y + up(gelu(down(y)))``, where y is what the layer says.

    Args:
        base_layer: The frozen layer.
        adapter: Name of the adapter.
        width: Values in the middle.
    """

    adapter_layer_names = ("bottleneck_down", "bottleneck_up")

    def __init__(self, base_layer: nn.Linear, adapter: str, width: int) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.bottleneck_down, self.bottleneck_up = nn.ModuleDict(), nn.ModuleDict()
        self.merged_adapters: list[str] = []
        self.in_features, self.out_features = base_layer.in_features, base_layer.out_features
        self._disable_adapters = False
        self._active_adapter = adapter
        self.add(adapter, width)

    def add(self, adapter: str, width: int) -> None:
        """Adds a network that changes nothing yet."""
        down, up = nn.Linear(self.out_features, width), nn.Linear(width, self.out_features)
        nn.init.normal_(down.weight, std=START)
        for values in (down.bias, up.weight, up.bias):
            nn.init.zeros_(values)
        self.bottleneck_down[adapter], self.bottleneck_up[adapter] = down, up
        tuner: Any = self  # peft's part of the class has no types
        tuner._move_adapter_to_device_of_base_layer(adapter)
        tuner.set_adapter(tuner.active_adapters)

    def forward(self, values: torch.Tensor, *arguments: Any, **named: Any) -> torch.Tensor:
        """``[…, in]`` to ``[…, out]``."""
        said: torch.Tensor = self.base_layer(values, *arguments, **named)
        if self.disable_adapters:
            return said
        result, tuner = said, cast(Any, self)
        for adapter in tuner.active_adapters:
            down, up = (cast(nn.Linear, part[adapter]) for part in (self.bottleneck_down, self.bottleneck_up))
            result = result + up(nn.functional.gelu(down(said.to(down.weight.dtype)))).to(said.dtype)
        return result


class BottleneckModel(BaseTuner):
    """A model with bottleneck adapters."""

    prefix = "bottleneck_"
    tuner_layer_cls = BottleneckLayer
    target_module_mapping: ClassVar[dict[str, list[str]]] = {}  # the layers are always named

    def _create_and_replace(
        self,
        peft_config: BottleneckSettings,
        adapter_name: str,
        target: nn.Module,
        target_name: str,
        parent: nn.Module,
        current_key: str,
        **_: Any,
    ) -> None:
        if isinstance(target, BottleneckLayer):
            target.add(adapter_name, peft_config.width)
            return
        assert isinstance(target, nn.Linear)  # the names are those of linear layers
        layer = BottleneckLayer(target, adapter_name, peft_config.width)
        self._replace_module(parent, target_name, layer, target)


PEFT_TYPE_TO_CONFIG_MAPPING[KIND] = BottleneckSettings
PEFT_TYPE_TO_TUNER_MAPPING[KIND] = BottleneckModel
PEFT_TYPE_TO_PREFIX_MAPPING[KIND] = BottleneckModel.prefix
