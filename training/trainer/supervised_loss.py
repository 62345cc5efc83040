"""The loss of the supervised tokens; the output layer skips unsupervised positions."""

from typing import Any

import torch
from peft import PeftModel
from torch import nn
from transformers import PreTrainedModel

from models.output_layer import OutputLayer
from models.token_loss import token_loss
from training.batches.packing import IGNORED


class SupervisedLoss(OutputLayer):
    """Mean cross-entropy of the supervised tokens, as ``compute_loss_func`` of transformers' trainer.

    It is used inside its context; the output layer is applied here, to the supervised positions only.

    Args:
        model: The model; its output layer has no bias.
        dtype: Type that the products of training are taken in.
    """

    def __init__(self, model: PreTrainedModel | PeftModel, dtype: torch.dtype) -> None:
        super().__init__(model)
        layer = self.layer
        if type(layer) is not nn.Linear or layer.bias is not None:
            raise TypeError(f"the output layer is a {type(layer).__name__}, not a plain linear layer")
        self.weight: nn.Parameter = layer.weight
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
        targets = labels[:, 1:]
        supervised = targets != IGNORED
        hidden = outputs.logits[:, :-1][supervised]  # [tokens, hidden]
        total = token_loss(hidden, self.weight, targets[supervised], self.dtype)
        return total / (len(hidden) if num_items_in_batch is None else num_items_in_batch)
