"""The base's layers, divided among the processes of a run: FSDP2, torch's ``fully_shard``, on what nothing trains.

The values that are trained stay whole in every process, and DistributedDataParallel averages their gradients as in any
run of several processes. Optimiser, checkpoints and result are therefore those of an undivided run.
"""

import torch
from bitsandbytes.nn import Linear4bit
from peft import PeftModel
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from transformers import PreTrainedModel

from common.errors import UserError
from models.loading import default_device
from training import processes


def refuse_undivided(*, trains_all: bool) -> None:
    """Refuses what ``train.shard`` cannot divide, before anything is loaded.

    Args:
        trains_all: Whether the method trains the weights of the base themselves.

    Raises:
        UserError: There is nothing to divide, or nobody to divide it among.
    """
    if processes.count() == 1:
        raise UserError(
            "one process was started, and the weights of the base are divided among several",
            where="train.shard",
            fix="start it with torchrun --nproc-per-node=N training/run.py …, or set train.shard=false",
        )
    if trains_all:
        raise UserError(
            "this method trains the weights of the base, and only those that nothing trains are divided",
            where="train.shard",
            fix="false keeps all weights in every process; or method=lora, method=qlora, …",
        )


def divide(model: PreTrainedModel | PeftModel) -> None:
    """Leaves each process with its part of every layer; a layer is whole only while it computes.

    Embeddings, the last norm and the output layer stay whole: the loss multiplies with the output layer in tiles.

    Args:
        model: The model with what is trained on it, in the memory of the CPU; it moves to the device of its process,
            layer by layer.
    """
    device = default_device()
    mesh = init_device_mesh(device.type, (processes.count(),))
    base = model.get_base_model() if isinstance(model, PeftModel) else model
    for module in base.modules():
        if isinstance(module, Linear4bit):  # where bitsandbytes looks once the weight is a part of itself
            module.quant_state = module.weight.quant_state
    decoder, layers = base.get_decoder(), layers_of(base)
    whole = {values for values in model.parameters() if values.requires_grad}
    for layer in layers:
        fully_shard(layer, mesh=mesh, reshard_after_forward=True, ignored_params=whole)
    divided = {values for layer in layers for values in layer.parameters()}
    whole |= {values for values in decoder.parameters() if values not in divided}
    fully_shard(decoder, mesh=mesh, ignored_params=whole)  # fetches a layer while the one before it computes
    model.to(device)
    parts = [name for name, values in model.named_parameters() if isinstance(values, DTensor)]
    nn.parallel.DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, parts)


def layers_of(base: PreTrainedModel) -> list[nn.Module]:
    """The layers of a decoder, by the class that transformers says is never split."""
    names: set[str] = base._no_split_modules
    return [module for module in base.modules() if type(module).__name__ in names]


def bytes_held(model: nn.Module) -> int:
    """Bytes of a model's weights in this process."""
    local = (v.to_local() if isinstance(v, DTensor) else v for v in model.parameters())
    return sum(values.numel() * values.element_size() for values in local)


def cpu_first(shard: bool) -> torch.device | None:
    """Where a base is loaded to: one that is divided may be too large for a single device."""
    return torch.device("cpu") if shard else None
