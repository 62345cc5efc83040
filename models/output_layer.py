"""A model's output layer, applied to a few positions at a time: logits of a whole batch never exist."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedModel

TILE = 1 << 22
"""Logits that exist at once: 16 MiB in float32, whatever the vocabulary."""


class OutputLayer:
    """The output layer of a model.

    Inside the context the model returns what goes into the layer, ``[batch, seq, hidden]``, as its ``logits``.

    Args:
        model: The model, possibly wrapped by peft.
    """

    def __init__(self, model: PreTrainedModel | PeftModel) -> None:
        self.layer: Any = model.get_output_embeddings()  # a linear layer, or one wrapped by peft

    def __enter__(self) -> "OutputLayer":
        self.layer.forward = _unchanged
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del self.layer.forward  # the class's own again

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits ``[tokens, vocab]`` of what goes into the layer, ``[tokens, hidden]``."""
        logits: torch.Tensor = type(self.layer).forward(self.layer, hidden)
        return logits

    def tiles(self, positions: int) -> Iterator[slice]:
        """Cuts this many positions into parts whose logits have at most ``TILE`` values."""
        rows = max(1, TILE // len(self.layer.weight))
        return (slice(start, start + rows) for start in range(0, positions, rows))


def _unchanged(hidden: torch.Tensor) -> torch.Tensor:
    return hidden
