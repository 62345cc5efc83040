"""The losses of sampled answers, as pure functions of their rewards and of how likely a model finds their tokens."""

from typing import NamedTuple

import torch

from training.stages.grpo.config import Estimator, PolicyConfig

LEAST_SPREAD = 1e-4
"""Added to the standard deviation of a group's rewards, as trl does: a group without any is divided by this."""


class Sampled(NamedTuple):
    """Some sampled answers, each row filled up with zeros to the longest.

    Attributes:
        logprob: Log-probability of every token, log π(y_t|x, y_<t), ``[rows, tokens]``, in nats.
        before: The same when the answers were sampled; no gradient flows through it.
        reference: The same by the base, ``[rows, tokens]``; None where nothing keeps the model near it.
        advantage: How much better each answer is than the others of its group, ``[rows]``.
        mask: Whether a place has a token of the answer, ``[rows, tokens]``.
    """

    logprob: torch.Tensor
    before: torch.Tensor
    reference: torch.Tensor | None
    advantage: torch.Tensor
    mask: torch.Tensor


class PolicyLoss(NamedTuple):
    """What is made of some answers: sums, so that a step may be read in parts.

    Attributes:
        total: The loss, to be divided by ``divisor``.
        kl: Estimated divergence from the base, summed over the tokens, nats; 0 where it was not computed.
        clipped: Tokens (answers, by leave-one-out) that the clipped ratio gives no gradient.
    """

    total: torch.Tensor
    kl: torch.Tensor
    clipped: torch.Tensor


def advantages(rewards: torch.Tensor, estimator: Estimator) -> torch.Tensor:
    """How much better each answer is than the others to the same question.

    Args:
        rewards: ``[questions, group]``.
        estimator: ``grpo``: the difference from the mean of the group, in standard deviations of the group
            (arXiv:2402.03300). ``dr_grpo``: not divided by them, which would weigh questions that are nearly always or
            nearly never answered more than others (arXiv:2503.20783). ``rloo``: the difference from the mean of the
            other answers (arXiv:2402.14740).

    Returns:
        ``[questions, group]``; 0 in a group whose answers all have the same reward.
    """
    centred = rewards - rewards.mean(1, keepdim=True)
    match estimator:
        case "grpo":
            return centred / (rewards.std(1, keepdim=True) + LEAST_SPREAD)
        case "dr_grpo":
            return centred
        case "rloo":
            group = rewards.shape[1]
            return centred * group / (group - 1)


def policy_loss(policy: PolicyConfig, sampled: Sampled) -> PolicyLoss:
    """The clipped objective (arXiv:1707.06347), and the distance from the base where it has a weight.

    ``-min(r A, clip(r, 1 - ε, 1 + ε) A) + β (exp(d) - d - 1)`` with ``r = π / π_before`` and ``d = log π_ref - log π``
    (arXiv:2402.03300, equations 3 and 4). ``r`` is that of a token, and by ``rloo`` that of a whole answer.
    """
    ratio = (sampled.logprob - sampled.before) * sampled.mask
    advantage = sampled.advantage[:, None]
    counted = sampled.mask
    if policy.advantage == "rloo":
        ratio, counted = ratio.sum(1, keepdim=True), torch.ones_like(advantage, dtype=torch.bool)
    unclipped, clipped = ratio.exp() * advantage, ratio.exp().clamp(1 - policy.clip, 1 + policy.clip) * advantage
    total = -(torch.min(unclipped, clipped) * counted).sum()
    kl = total.new_zeros(())
    if sampled.reference is not None:
        away = sampled.reference - sampled.logprob
        kl = ((away.exp() - away - 1) * sampled.mask).sum()
    return PolicyLoss(total + policy.kl * kl, kl.detach(), ((clipped < unclipped) & counted).sum())


def divisor(estimator: Estimator, *, tokens: int, answers: int, longest: int) -> int:
    """What the loss of a step is divided by.

    Args:
        estimator: ``grpo``: the tokens of the step, so that each counts alike (arXiv:2503.14476). ``dr_grpo``: the
            tokens that all answers might have had, which does not depend on what was sampled. ``rloo``: the answers.
        tokens: Tokens of all answers of the step.
        answers: Their number.
        longest: Most tokens that an answer may have.
    """
    return {"grpo": tokens, "dr_grpo": answers * longest, "rloo": answers}[estimator]
