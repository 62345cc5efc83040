"""Cross-entropy of an output layer without its logits: a few rows at a time, together with their gradients.

The logits of a whole batch are the largest tensors of a step by far; writing them and their gradients to memory took
half of its time, and with a vocabulary of 150,000 most of its memory. Cut Cross-Entropy (arXiv 2411.09009) is the same
idea as a GPU kernel.
"""

from typing import Any

import torch

ROWS = 256  # rows whose logits exist at once; with 8,000 tokens they fit into a processor's cache


def token_loss(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Sum of the cross-entropies of some tokens, in nats.

    Args:
        hidden: Input of the output layer, ``[tokens, hidden]``.
        weight: The output layer, ``[vocab, hidden]``; it has no bias.
        targets: The right tokens, ``[tokens]``.
        dtype: Type that products are computed in; sums and exponentials are in float32.
    """
    loss: torch.Tensor = _TokenLoss.apply(hidden, weight, targets, dtype)
    return loss


class _TokenLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor, dtype: torch.dtype
    ) -> torch.Tensor:
        """Computes the gradients with the loss: ``softmax(scores) - one-hot(target)`` for each row of scores."""
        needs_weight = ctx.needs_input_grad[1]
        output = weight.to(dtype)
        hidden_gradient = torch.empty_like(hidden)
        weight_gradient = torch.zeros_like(weight, dtype=torch.float32) if needs_weight else None
        loss = torch.zeros((), device=hidden.device)
        for part, target, gradient in zip(
            hidden.split(ROWS), targets.split(ROWS), hidden_gradient.split(ROWS), strict=True
        ):
            part, target = part.to(dtype), target.unsqueeze(1)
            likely = (part @ output.T).float().softmax(1)  # [rows, vocab]
            loss -= likely.gather(1, target).clamp(min=torch.finfo(likely.dtype).tiny).log().sum()
            scores_gradient = likely.scatter_add_(1, target, likely.new_full(target.shape, -1.0)).to(dtype)
            gradient.copy_(scores_gradient @ output)
            if weight_gradient is not None:
                weight_gradient += scores_gradient.T @ part
        ctx.save_for_backward(hidden_gradient, weight_gradient)
        ctx.weight_dtype = weight.dtype
        return loss

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Scales the gradients that ``forward`` already computed."""
        (outer,) = gradients
        hidden_gradient, weight_gradient = ctx.saved_tensors
        if weight_gradient is not None:
            weight_gradient = (weight_gradient * outer).to(ctx.weight_dtype)
        return hidden_gradient * outer.to(hidden_gradient.dtype), weight_gradient, None, None
