"""The losses of preferences, as pure functions of how likely a model finds the better and the worse answer."""

from typing import NamedTuple

import torch
from torch import nn

from training.stages.preference.config import AnyLoss, DpoLoss, IpoLoss, OrpoLoss, SimpoLoss


class Answers(NamedTuple):
    """The better or the worse answers of some pairs.

    Attributes:
        logprob: Log-probability of each answer, log π(y|x), summed over its tokens, ``[pairs]``, in nats.
        tokens: Its tokens, |y|, ``[pairs]``.
        reference: The same log-probability before training, log π_ref(y|x), ``[pairs]``; None for losses without it.
    """

    logprob: torch.Tensor
    tokens: torch.Tensor
    reference: torch.Tensor | None = None

    @property
    def per_token(self) -> torch.Tensor:
        """Mean log-probability of a token, log π(y|x) / |y|, ``[pairs]``."""
        return self.logprob / self.tokens

    @property
    def log_ratio(self) -> torch.Tensor:
        """How much more likely an answer has become, log (π(y|x) / π_ref(y|x)), ``[pairs]``."""
        assert self.reference is not None
        return self.logprob - self.reference


class Compared(NamedTuple):
    """What a loss makes of some pairs.

    Attributes:
        losses: Of each pair, ``[pairs]``.
        margins: The implicit reward of the better answer minus that of the worse one, ``[pairs]``.
    """

    losses: torch.Tensor
    margins: torch.Tensor


def compare(loss: AnyLoss, better: Answers, worse: Answers) -> Compared:
    """The configured loss of some pairs."""
    match loss:
        case DpoLoss():
            return dpo(better, worse, beta=loss.beta, better_weight=loss.better_weight)
        case IpoLoss():
            return ipo(better, worse, beta=loss.beta)
        case OrpoLoss():
            return orpo(better, worse, weight=loss.weight)
        case SimpoLoss():
            return simpo(better, worse, beta=loss.beta, gamma=loss.gamma)


def dpo(better: Answers, worse: Answers, *, beta: float, better_weight: float = 0.0) -> Compared:
    """Direct preference optimisation (arXiv:2305.18290, equation 7).

    ``-log σ(β log (π(y_w|x) / π_ref(y_w|x)) - β log (π(y_l|x) / π_ref(y_l|x))) - α/|y_w| log π(y_w|x)``; the reward of
    an answer is ``β log (π(y|x) / π_ref(y|x))`` (equation 5, but for a term of the prompt). The last term, with the
    weight α, keeps the better answer likely (arXiv:2404.19733, equation 1).
    """
    margins = beta * (better.log_ratio - worse.log_ratio)
    return Compared(-nn.functional.logsigmoid(margins) - better_weight * better.per_token, margins)


def ipo(better: Answers, worse: Answers, *, beta: float) -> Compared:
    """Identity preference optimisation (arXiv:2310.12036, equation 17, whose τ is β here).

    ``(h - 1 / (2 β))²`` with ``h = log (π(y_w|x) / π_ref(y_w|x)) - log (π(y_l|x) / π_ref(y_l|x))``, where each
    log-ratio is the mean over the tokens of the answer: the paper does not say so, its experiments do (trl asked the
    authors), and the target would otherwise depend on how long answers are.
    """
    difference = better.log_ratio / better.tokens - worse.log_ratio / worse.tokens
    return Compared((difference - 1 / (2 * beta)) ** 2, beta * difference)


def orpo(better: Answers, worse: Answers, *, weight: float) -> Compared:
    """Odds ratio preference optimisation (arXiv:2403.07691, equations 6 and 7); no reference.

    ``-log P(y_w|x) - λ log σ(log (odds(y_w|x) / odds(y_l|x)))`` with ``odds = P / (1 - P)`` and ``log P`` the mean
    log-probability of an answer's tokens (equation 1); the first term is that of supervised fine-tuning.
    """
    odds = _log_odds(better.per_token) - _log_odds(worse.per_token)
    return Compared(
        -better.per_token - weight * nn.functional.logsigmoid(odds), weight * (better.per_token - worse.per_token)
    )


def simpo(better: Answers, worse: Answers, *, beta: float, gamma: float) -> Compared:
    """Simple preference optimisation (arXiv:2405.14734, equation 6); no reference.

    ``-log σ(β/|y_w| log π(y_w|x) - β/|y_l| log π(y_l|x) - γ)``; the reward of an answer is ``β/|y| log π(y|x)``.
    """
    margins = beta * (better.per_token - worse.per_token)
    return Compared(-nn.functional.logsigmoid(margins - gamma), margins)


def kto(
    answers: Answers,
    desirable: torch.Tensor,
    divergence: torch.Tensor,
    *,
    beta: float,
    desirable_weight: float = 1.0,
    undesirable_weight: float = 1.0,
) -> Compared:
    """Kahneman-Tversky optimisation (arXiv:2402.01306, section 4.1, without the constant λ_y).

    ``λ_D (1 - σ(β (r - z)))`` of a desirable answer and ``λ_U (1 - σ(β (z - r)))`` of an undesirable one, with
    ``r = log (π(y|x) / π_ref(y|x))``; the margin of an answer is how far ``β r`` is on its side of ``β z``.

    Args:
        answers: Of some prompts.
        desirable: Whether each is, ``[answers]``.
        divergence: z, an estimate of KL(π || π_ref) (``divergence_of``); it has no gradient.
        beta: β of the paper.
        desirable_weight: λ_D.
        undesirable_weight: λ_U.
    """
    difference = beta * (answers.log_ratio - divergence)
    margins = torch.where(desirable, difference, -difference)
    weights = torch.where(desirable, desirable_weight, undesirable_weight)
    return Compared(weights * (1 - margins.sigmoid()), margins)


def divergence_of(others: Answers) -> torch.Tensor:
    """An estimate of KL(π || π_ref), in nats: the mean log-ratio of prompts with answers to other ones, at least 0."""
    return others.log_ratio.mean().clamp(min=0).detach()


def _log_odds(logprob: torch.Tensor) -> torch.Tensor:
    """``log (p / (1 - p))`` of ``log p``; a certain answer counts as the nearest value below 1, which has odds."""
    below = logprob.clamp(max=-torch.finfo(logprob.dtype).tiny)
    return below - torch.log(-torch.expm1(below))
