"""What a computation will need in memory, from shapes alone: it is rehearsed on tensors that have none."""

import weakref
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only


class Rehearsal(TorchDispatchMode):
    """A context in which tensors have shapes and no memory; it counts what they would take.

    A storage counts from the operation that makes it until nothing refers to it any more, whether Python, a module or
    the graph of a backward pass.

    Attributes:
        live: Bytes of all tensors that exist now.
        peak: Their highest sum so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shapes_only = FakeTensorMode()
        self.live = self.peak = 0
        self.counted: set[int] = set()

    def __enter__(self) -> "Rehearsal":
        self.shapes_only.__enter__()
        super().__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self.shapes_only.__exit__(kind, error, trace)

    def __torch_dispatch__(
        self,
        operation: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Performs the operation on shapes and counts the storages that it makes."""
        result = operation(*args, **(kwargs or {}))
        tree_map_only(torch.Tensor, self._count, result)
        return result

    def _count(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        place = storage._cdata
        if place in self.counted:
            return
        self.counted.add(place)
        size = storage.nbytes()
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._forget, place, size)

    def _forget(self, place: int, size: int) -> None:
        self.counted.discard(place)
        self.live -= size
