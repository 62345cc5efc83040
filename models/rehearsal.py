"""What a computation will need in memory, from shapes alone: it is rehearsed on tensors that have none."""

import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only
from transformers import PreTrainedModel

RECOMPUTED = {"use_reentrant": False, "preserve_rng_state": False}
"""How layers are recomputed in a rehearsal: no random numbers are drawn, so there is no state of theirs to restore."""


GROUPED_MM = torch.ops.aten._grouped_mm.default


class MemoryCount(TorchDispatchMode):
    """Adds up the storages of the tensors that are made in its context.

    A storage counts from the operation that makes it until nothing refers to it any more, whether Python, a module or
    the graph of a backward pass. What a kernel allocates and frees inside one operation is not seen.

    Attributes:
        live: Bytes of all tensors that exist now.
        peak: Their highest sum so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self.counted: set[int] = set()

    def __torch_dispatch__(
        self,
        operation: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Performs an operation and counts what it makes."""
        result = _grouped_mm(*args) if operation is GROUPED_MM else operation(*args, **(kwargs or {}))
        tree_map_only(torch.Tensor, self._count, result)
        return result

    def _count(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        place, size = storage._cdata, storage.nbytes()
        if place in self.counted:
            return
        self.counted.add(place)
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._forget, place, size)

    def _forget(self, place: int, size: int) -> None:
        self.counted.discard(place)
        self.live -= size


def _grouped_mm(a: torch.Tensor, b: torch.Tensor, ends: torch.Tensor, *_: Any) -> torch.Tensor:
    """The products of experts, in any type: torch's own shapes of it are those of bfloat16 alone.

    Args:
        a: Tokens, ``[tokens, in]``; for the gradient of the weights their transpose, ``[in, tokens]``.
        b: Weights, ``[experts, in, out]``; for that gradient ``[tokens, out]``.
        ends: Where the tokens of each expert end.
    """
    shape = (len(a), b.shape[-1]) if b.dim() == 3 else (len(ends), len(a), b.shape[-1])
    return a.new_empty(shape)


@contextmanager
def rehearsal(model: nn.Module, device: torch.device) -> Iterator[MemoryCount]:
    """A context in which tensors have shapes and no memory, and are counted.

    Args:
        model: A model on the device ``meta``. In the context its weights are counted as if they were on ``device``.
        device: Where the computation will run; kernels are chosen for it.
    """
    count = MemoryCount()
    with warnings.catch_warnings(), FakeTensorMode(allow_non_fake_inputs=True), torch.device(device), count:
        warnings.filterwarnings("ignore", "Accessing the data pointer of FakeTensor")  # transformers compares places
        _place(model)
        yield count


def _place(model: nn.Module) -> None:
    """Replaces every weight and buffer, tied ones by the same one."""
    placed: dict[int, torch.Tensor] = {}
    for module in model.modules():
        for name, weight in module._parameters.items():
            if weight is not None:
                if id(weight) not in placed:
                    empty = torch.empty(weight.shape, dtype=weight.dtype)
                    placed[id(weight)] = nn.Parameter(empty, requires_grad=weight.requires_grad)
                module._parameters[name] = placed[id(weight)]  # type: ignore[assignment]
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype)


class FourBit(nn.Linear):
    """A linear layer as memory sees one in 4 bits: packed weights, dequantised as a whole wherever they are used.

    Args:
        layer: The layer, on the device ``meta``.
    """

    BYTES = 0.5 + 0.127 / 8  # a weight, and its part of the doubly quantised scales (QLoRA, section 3)

    def __init__(self, layer: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = layer.in_features, layer.out_features
        packed = torch.empty(int(self.BYTES * layer.weight.numel()), dtype=torch.uint8, device="meta")
        self.weight = nn.Parameter(packed, requires_grad=False)
        self.register_parameter("bias", layer.bias)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """``[…, in]`` to ``[…, out]``."""
        product: torch.Tensor = _Dequantised.apply(input, self.out_features)
        return product if self.bias is None else product + self.bias


class _Dequantised(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, input: torch.Tensor, out_features: int) -> torch.Tensor:
        ctx.shape = (out_features, input.shape[-1])
        return nn.functional.linear(input, input.new_empty(ctx.shape))

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient,) = gradients
        return gradient @ gradient.new_empty(ctx.shape), None


def quantise_shapes(model: PreTrainedModel) -> None:
    """Makes the linear layers of a model on the device ``meta`` as large as in 4 bits, but for its output layer."""
    output = model.get_output_embeddings()
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) and module is not output:
            model.set_submodule(name, FourBit(module))
