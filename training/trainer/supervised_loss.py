"""The loss of the supervised tokens; the output layer skips unsupervised positions."""

from types import TracebackType
from typing import Any, cast

import torch
from loguru import logger
from torch import nn

from models.token_loss import token_loss
from training.batches.packing import IGNORED
from training.measured import logits, some_ids


def loss_of(model: nn.Module, dtype: torch.dtype) -> "SupervisedLoss | LossOfLogits":
    """The loss that a model can be trained with: that of its output layer where its logits are what that layer gives.

    Some models change them afterwards (soft caps in Gemma 2, scales in Cohere and Granite) or add a bias.

    Args:
        model: The model.
        dtype: Type that the products of training are taken in.
    """
    head: Any = cast(Any, model).get_output_embeddings()
    if type(head) is nn.Linear and head.bias is None:
        loss, ids = SupervisedLoss(head, dtype), some_ids(model, seed=1)
        with loss:
            hidden = logits(model, ids)
        with torch.no_grad():
            if torch.equal(head(hidden), logits(model, ids)):
                return loss
    logger.info(
        "this model changes its logits after the output layer: the loss is computed from all of them, which needs"
        " more memory"
    )
    return LossOfLogits()


class SupervisedLoss:
    """Mean cross-entropy of the supervised tokens, as ``compute_loss_func`` of transformers' trainer.

    Inside the context, the model returns the output layer's input as its ``logits``; the output layer is applied here,
    to the supervised positions only.

    Args:
        head: The model's output layer, without a bias.
        dtype: Type that the products of training are taken in.
    """

    def __init__(self, head: nn.Module, dtype: torch.dtype) -> None:
        if type(head) is not nn.Linear or head.bias is not None:
            raise TypeError(f"the output layer is a {type(head).__name__}, not a plain linear layer")
        self.head: nn.Linear = cast(nn.Linear, head)
        self.dtype: torch.dtype = self.head.weight.dtype if dtype == torch.float32 else dtype

    def __enter__(self) -> "SupervisedLoss":
        self.head.forward = _unchanged  # type: ignore[assignment]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del self.head.forward  # the class's own again

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
        total = token_loss(hidden, self.head.weight, targets, self.dtype)
        return total / (len(hidden) if num_items_in_batch is None else num_items_in_batch)


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
        scores, targets = _supervised(outputs, labels)
        total = nn.functional.cross_entropy(scores.float(), targets, reduction="sum")
        return total / (len(scores) if num_items_in_batch is None else num_items_in_batch)


def _supervised(outputs: Any, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What predicts the supervised tokens, ``[tokens, …]``, and these tokens, ``[tokens]``."""
    targets = labels[:, 1:]
    supervised = targets != IGNORED
    return outputs.logits[:, :-1][supervised], targets[supervised]


def _unchanged(hidden: torch.Tensor) -> torch.Tensor:
    return hidden
