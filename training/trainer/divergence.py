"""How far two distributions over the vocabulary are from each other."""

import torch
from torch import nn


def divergence(student: torch.Tensor, teacher: torch.Tensor, *, beta: float) -> torch.Tensor:
    """The generalised Jensen-Shannon divergence (GKD, arXiv:2306.13649, equation 1), with its limits.

    ``β KL(P || βP + (1-β)Q) + (1-β) KL(Q || βP + (1-β)Q)``, with the teacher P and the student Q; at 0 it is
    ``KL(P || Q)``, at 1 ``KL(Q || P)``, which it is proportional to near them.

    Args:
        student: Logits, ``[tokens, vocab]``.
        teacher: The same of the teacher.
        beta: β of the paper.

    Returns:
        ``[tokens]``, in nats.
    """
    q, p = student.log_softmax(-1), teacher.log_softmax(-1)  # logarithms
    if beta == 0:
        return kl(p, q)
    if beta == 1:
        return kl(q, p)
    weight = torch.tensor(beta, dtype=q.dtype, device=q.device)
    mixture = torch.logaddexp(p + weight.log(), q + torch.log1p(-weight))
    return beta * kl(p, mixture) + (1 - beta) * kl(q, mixture)


def kl(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """``KL(P || Q)`` of log-probabilities, ``[tokens, vocab]``; ``[tokens]``, in nats."""
    return nn.functional.kl_div(q, p, reduction="none", log_target=True).sum(-1)
