"""Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon): momentum whose update is orthogonalised.

``torch.optim.Muon`` iterates in bfloat16 on every machine; where that is emulated, the iteration took half of a step.
Here it runs in the type that the machine computes in, and matrices of one shape are iterated together. The result is
torch's (tests/models/test_muon.py).
"""

from collections import defaultdict
from collections.abc import Iterable

import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration, chosen for the slope at zero
ITERATIONS = 5
EPSILON = 1e-7


def orthogonalised(matrices: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Newton-Schulz iteration: moves every singular value of every matrix close to 1.

    Args:
        matrices: ``[matrices, rows, columns]``.
        dtype: Type that the iteration computes in.

    Returns:
        ``[matrices, rows, columns]`` in ``dtype``.
    """
    a, b, c = COEFFICIENTS
    is_tall = matrices.shape[1] > matrices.shape[2]
    x = (matrices.mT if is_tall else matrices).to(dtype, copy=True)
    x /= x.norm(dim=(1, 2), keepdim=True).clamp(min=EPSILON)  # the spectral norm is at most this one
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if is_tall else x


class Muon(torch.optim.Optimizer):
    """Muon with Nesterov momentum and decoupled weight decay, for matrices.

    Args:
        matrices: Parameters ``[rows, columns]``.
        lr: Learning rate, multiplied by ``sqrt(rows / columns)`` for a tall matrix.
        momentum: Share of the old momentum that stays.
        weight_decay: Share of the weight, times the learning rate, that each step subtracts.
        dtype: Type that the iteration computes in.
    """

    def __init__(
        self,
        matrices: Iterable[torch.nn.Parameter],
        *,
        lr: float,
        momentum: float,
        weight_decay: float,
        dtype: torch.dtype,
    ) -> None:
        super().__init__(list(matrices), {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self.dtype = dtype

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Updates every matrix that has a gradient."""
        for group in self.param_groups:
            by_shape = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    by_shape[matrix.shape].append(matrix)
            for (rows, columns), matrices in by_shape.items():
                updates = orthogonalised(
                    torch.stack([self._momentum(m, group["momentum"]) for m in matrices]), self.dtype
                )
                rate = group["lr"] * max(1.0, rows / columns) ** 0.5
                for matrix, update in zip(matrices, updates, strict=True):
                    matrix.mul_(1 - group["lr"] * group["weight_decay"])
                    matrix.add_(update, alpha=-rate)

    def _momentum(self, matrix: torch.nn.Parameter, momentum: float) -> torch.Tensor:
        """The gradient with Nesterov momentum, ``[rows, columns]``."""
        assert matrix.grad is not None
        state = self.state[matrix]
        if not state:
            state["momentum"] = torch.zeros_like(matrix)
        state["momentum"].lerp_(matrix.grad, 1 - momentum)
        return matrix.grad.lerp(state["momentum"], momentum)
