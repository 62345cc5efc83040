"""A LoRA adapter as a GGUF file that llama.cpp adds to its base."""

from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as TensorType
from peft import LoraConfig, PeftConfig, PeftModel
from peft.tuners.lora import LoraLayer
from torch import nn

from common.errors import UserError
from common.files import replacing_file
from models.gguf_export.architecture import Architecture, name_of, reordered


def check_adapter(directory: Path) -> LoraConfig:
    """Checks, before anything is loaded, that llama.cpp computes an adapter as peft does.

    Args:
        directory: A peft directory.

    Raises:
        UserError: It is something else than factors A and B of linear layers.
    """
    config = PeftConfig.from_pretrained(str(directory))
    if not isinstance(config, LoraConfig) or type(config) is not LoraConfig:
        raise _refused(f"{config.peft_type.value}", directory)
    for given, what in (
        (config.use_dora, "DoRA"),
        (config.bias != "none" or config.lora_bias, "LoRA with biases"),
        (config.modules_to_save, f"LoRA with whole modules ({', '.join(config.modules_to_save or ())})"),
        (config.trainable_token_indices, "LoRA with trained tokens"),
    ):
        if given:
            raise _refused(what, directory)
    return config


def write_adapter(file: Path, model: PeftModel, architecture: Architecture) -> None:
    """Writes the factors in float32, whole or not at all.

    The scaling alpha / r is part of B and the key alpha is 0, which llama.cpp reads as "no scaling": ranks may differ.

    Args:
        file: The file.
        model: The base with its adapter.
        architecture: Of the base.

    Raises:
        UserError: llama.cpp has no name for an adapted layer.
    """
    with replacing_file(file) as partial:
        writer = gguf.GGUFWriter(partial, architecture.name)
        writer.add_type(gguf.GGUFType.ADAPTER)
        writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
        writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, 0.0)
        for name, factor in _factors(model, architecture):
            writer.add_tensor(
                name, factor.float().cpu().contiguous().numpy().astype(np.float32), raw_dtype=TensorType.F32
            )
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def _factors(model: PeftModel, architecture: Architecture) -> Iterator[tuple[str, torch.Tensor]]:
    """A ``[rank, in]`` and B ``[out, rank]`` of every adapted layer, under llama.cpp's names, in its order of rows."""
    config = model.get_base_model().config
    adapter = model.active_adapter
    for own_name, module in model.get_base_model().named_modules():
        if not isinstance(module, LoraLayer):
            continue
        if not isinstance(module.get_base_layer(), nn.Linear):
            raise _refused(f"LoRA on {own_name}, which is no linear layer", Path("adapter"))
        name = name_of(f"{own_name}.weight", architecture, config)
        a, b = module.lora_A[adapter].weight.detach(), module.lora_B[adapter].weight.detach() * module.scaling[adapter]
        yield f"{name}.lora_a", a
        yield f"{name}.lora_b", reordered(f"{own_name}.weight", b, architecture, config)


def _refused(what: str, directory: Path) -> UserError:
    return UserError(
        f"llama.cpp 不能加载这种适配器：{what}（llama.cpp takes no {what} as an adapter）",
        where=str(directory),
        fix="engine=local, or merge it (merge.enabled=true)",
    )
