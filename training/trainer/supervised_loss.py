"""The loss of the supervised tokens; the output layer skips unsupervised positions."""

from types import TracebackType
from typing import Any

import torch
from peft import PeftModel
from torch import nn
from transformers import PreTrainedModel

from models.output_layer import OutputLayer
from models.token_loss import token_loss
from training.batches.packing import IGNORED


def loss_of(
    model: PreTrainedModel | PeftModel, dtype: torch.dtype, is_last: bool | None = None
) -> "SupervisedLoss | LossOfLogits":
    """The loss that a model can be trained with: that of its output layer where its logits are what that layer gives.

    Some models change them afterwards (soft caps in Gemma 2, scales in Cohere and Granite) or add a bias.

    Args:
        model: The model.
        dtype: Type that the products of training are taken in.
        is_last: As of ``OutputLayer``.
    """
    output = OutputLayer(model, is_last)
    return SupervisedLoss(model, dtype, output.is_last) if _is_plain(output) else LossOfLogits()


class SupervisedLoss(OutputLayer):
    """Mean cross-entropy of the supervised tokens, as ``compute_loss_func`` of transformers' trainer.

    It is used inside its context; the output layer is applied here, to the supervised positions only.

    Args:
        model: The model; its logits are what its output layer gives, which has no bias.
        dtype: Type that the products of training are taken in.
        is_last: As of ``OutputLayer``.
    """

    def __init__(self, model: PreTrainedModel | PeftModel, dtype: torch.dtype, is_last: bool | None = None) -> None:
        super().__init__(model, is_last)
        if not _is_plain(self):
            raise TypeError(f"the output layer, a {type(self.layer).__name__}, is not all that logits are made of")
        self.weight: nn.Parameter = self.layer.weight
        self.dtype: torch.dtype = self.weight.dtype if dtype == torch.float32 else dtype

    def __call__(
        self, outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """The loss, nats per supervised token.

        Args:
            outputs: Their ``logits`` are hidden states, ``[batch, seq, hidden]``.
            labels: ``[batch, seq]``, ``IGNORED`` where nothing is supervised.
            num_items_in_batch: Supervised tokens of the whole optimiser step, where it has several batches.
        """
        hidden, targets = _supervised(outputs, labels)
        return self.total(hidden, targets) / (len(hidden) if num_items_in_batch is None else num_items_in_batch)

    def total(self, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Summed over some positions: what goes into the output layer there, ``[tokens, hidden]``, and what follows."""
        return token_loss(hidden, self.weight, targets, self.dtype)


class LossOfLogits:
    """The same from the logits that the model returns."""

    def __enter__(self) -> "LossOfLogits":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """There is nothing to undo."""

    def __call__(
        self, outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """See ``SupervisedLoss``; here ``logits`` are ``[batch, seq, vocab]``."""
        logits, targets = _supervised(outputs, labels)
        return self.total(logits, targets) / (len(logits) if num_items_in_batch is None else num_items_in_batch)

    def total(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """See ``SupervisedLoss.total``; from logits, ``[tokens, vocab]``."""
        return nn.functional.cross_entropy(logits.float(), targets, reduction="sum")


def _is_plain(output: OutputLayer) -> bool:
    """Whether logits are the product with its weight, and nothing else."""
    return output.is_last and type(output.layer) is nn.Linear and output.layer.bias is None


def _supervised(outputs: Any, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What predicts the supervised tokens, ``[tokens, …]``, and these tokens, ``[tokens]``."""
    targets = labels[:, 1:]
    supervised = targets != IGNORED
    return outputs.logits[:, :-1][supervised], targets[supervised]
