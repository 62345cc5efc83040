"""How likely a model finds whole answers: the loss of preferences weighs each of them by a factor of its own."""

from collections.abc import Iterator
from typing import Any

import torch
from peft import PeftModel
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from models.loading import default_device
from models.output_layer import OutputLayer
from training.batches.packing import IGNORED

ROWS = 256
"""Positions whose logits exist at once; those of the others are computed again in the backward pass."""


class AnswerLogprobs(OutputLayer):
    """Log-probabilities of the supervised tokens; the output layer skips all other positions.

    It is used inside its context, like ``SupervisedLoss``, whose gradient is that of one sum over all tokens.

    Args:
        model: The model.
        dtype: Type that the products of training are taken in.
        is_last: As of ``OutputLayer``.
    """

    def __init__(self, model: PreTrainedModel | PeftModel, dtype: torch.dtype, is_last: bool | None = None) -> None:
        super().__init__(model, is_last)
        self.dtype: torch.dtype = self.layer.weight.dtype if dtype == torch.float32 else dtype

    def of_rows(self, outputs: Any, labels: torch.Tensor) -> torch.Tensor:
        """The log-probability of every row's answer, summed over its tokens, ``[batch]``; see ``of_places``."""
        return self.of_places(outputs, labels).sum(1)

    def of_places(self, outputs: Any, labels: torch.Tensor) -> torch.Tensor:
        """The log-probability of every supervised token at its place, else 0: ``[batch, seq - 1]``, in nats.

        Args:
            outputs: Of the model inside the context.
            labels: ``[batch, seq]``, ``IGNORED`` where nothing is supervised.
        """
        targets = labels[:, 1:]
        supervised = targets != IGNORED
        tokens = self._of_tokens(outputs.logits[:, :-1][supervised], targets[supervised])
        return tokens.new_zeros(targets.shape).masked_scatter(supervised, tokens)

    def total(self, returned: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The negative sum over some positions, for the rehearsal of a step; see ``SupervisedLoss.total``."""
        return -self._of_tokens(returned, targets).sum()

    def _of_tokens(self, returned: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Of what the model returned at some positions, ``[tokens, width]``, and what follows: ``[tokens]``."""
        parts = zip(returned.split(ROWS), targets.split(ROWS), strict=True)
        return torch.cat(list(self._of_parts(parts)))

    def _of_parts(self, parts: Iterator[tuple[torch.Tensor, torch.Tensor]]) -> Iterator[torch.Tensor]:
        for returned, targets in parts:
            yield checkpoint(self._of_part, returned, targets, use_reentrant=False, preserve_rng_state=False)

    def _of_part(self, returned: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return self.of_returned(returned).log_softmax(-1).gather(1, targets[:, None])[:, 0]

    def of_returned(self, returned: torch.Tensor) -> torch.Tensor:
        """Logits in float32, ``[tokens, vocab]``, of what the model returned at some positions, ``[tokens, width]``."""
        with torch.autocast(default_device().type, self.dtype, enabled=self.dtype != torch.float32):
            logits = self.logits(returned.to(self.dtype) if self.is_last else returned)
        return logits.float()
