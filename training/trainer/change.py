"""Whether training changed anything: a result that is its own beginning is refused."""

from collections.abc import Mapping

import torch
from torch import nn

from common.errors import Refused


def checksums(model: nn.Module, part: str = "") -> dict[str, int]:
    """A checksum of every trained tensor.

    Args:
        model: The model, with what is trained on it.
        part: Only tensors with this in their name.
    """
    return {
        name: int(torch.hash_tensor(values.detach()).view(torch.int64))
        for name, values in model.named_parameters()
        if values.requires_grad and part in name
    }


def refuse_unchanged(before: Mapping[str, int], after: Mapping[str, int]) -> None:
    """Refuses a result that training has not changed.

    Args:
        before: Checksums of the initial values.
        after: Those after training.

    Raises:
        Refused: All values are what they were before the first step.
    """
    if before == after:
        raise Refused(
            f"training changed none of {len(before)} tensors: the result would be the base itself\n"
            "  -> see loss and learning rate of each step in metrics.jsonl. The first step of a warm-up "
            "(train.warmup_share) has the learning rate 0, so a single step trains nothing: start a new run with a "
            "higher train.max_steps or train.learning_rate"
        )
