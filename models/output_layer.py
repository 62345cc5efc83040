"""A model's output layer, applied to a few positions at a time: logits of a whole batch never exist."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import torch
from peft import PeftModel
from transformers import PreTrainedModel

TILE = 1 << 22
"""Logits that exist at once: 16 MiB in float32, whatever the vocabulary."""


class OutputLayer:
    """The output layer of a model.

    Inside the context the model returns what goes into the layer, ``[batch, seq, hidden]``, as its ``logits``. A model
    that changes what its layer gives (soft caps in Gemma 2, scales in Cohere and Granite) stays as it is: there the
    context changes nothing, and logits are made from themselves.

    Args:
        model: The model, possibly wrapped by peft.
        is_last: The attribute, where it is known; else it is tried.

    Attributes:
        layer: A linear layer, or one wrapped by peft.
        is_last: Whether the model's logits are what the layer gives.
    """

    def __init__(self, model: PreTrainedModel | PeftModel, is_last: bool | None = None) -> None:
        self.layer: Any = model.get_output_embeddings()
        self.is_last = _is_last(self.layer, _inner(model)) if is_last is None else is_last

    def __enter__(self) -> Self:
        if self.is_last:
            self.layer.forward = _unchanged
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_last:
            del self.layer.forward  # the class's own again

    @property
    def width(self) -> int:
        """Values per position of what the model returns inside the context."""
        vocabulary, hidden = self.layer.weight.shape
        return int(hidden if self.is_last else vocabulary)

    def logits(self, returned: torch.Tensor) -> torch.Tensor:
        """Logits ``[tokens, vocab]`` of what the model returns inside the context, ``[tokens, width]``."""
        if not self.is_last:
            return returned
        logits: torch.Tensor = type(self.layer).forward(self.layer, returned)
        return logits

    def tiles(self, positions: int) -> Iterator[slice]:
        """Cuts this many positions into parts whose logits have at most ``TILE`` values."""
        rows = max(1, TILE // len(self.layer.weight))
        return (slice(start, start + rows) for start in range(0, positions, rows))


def _inner(model: PreTrainedModel | PeftModel) -> PreTrainedModel:
    """The model itself, whose logits nobody has cut; adapters are in its layers."""
    inner: PreTrainedModel = model.get_base_model() if isinstance(model, PeftModel) else model
    return inner


def _is_last(layer: Any, model: PreTrainedModel) -> bool:
    """Whether the logits of a model are the very tensor that its output layer returned, in a pass over one token."""
    made: list[torch.Tensor] = []
    hook = layer.register_forward_hook(lambda module, inputs, output: made.append(output))
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            logits = model(input_ids=torch.zeros(1, 1, dtype=torch.long, device=model.device), use_cache=False).logits
    finally:
        hook.remove()
        model.train(training)
    return len(made) == 1 and logits is made[0]


def _unchanged(hidden: torch.Tensor) -> torch.Tensor:
    return hidden
