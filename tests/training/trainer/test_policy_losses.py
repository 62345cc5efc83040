"""The losses of sampled answers: what trl computes for the same answers, and what their papers say of them."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from training.stages.grpo.config import Estimator, PolicyConfig
from training.trainer.policy_losses import Sampled, advantages, divisor, policy_loss

STORED = json.loads(Path(__file__).with_name("trl_policy_losses.json").read_text(encoding="utf-8"))
SETTINGS: dict[str, Any] = STORED["settings"]
ESTIMATORS: tuple[Estimator, ...] = ("grpo", "dr_grpo", "rloo")


def given(name: str) -> torch.Tensor:
    return torch.tensor(STORED["given"][name], dtype=torch.float64)


def loss(estimator: Estimator, kl: float = 0.0) -> float:
    """Of the answers that ``trl_policy_losses.py`` was run on, as a step has it."""
    mask = given("mask").bool()
    sampled = Sampled(
        given("now"),
        given("before"),
        given("reference") if kl else None,
        advantages(given("rewards").view(-1, SETTINGS["group"]), estimator).flatten(),
        mask,
    )
    policy = PolicyConfig(advantage=estimator, clip=SETTINGS["clip"], kl=kl)
    divided = divisor(estimator, tokens=int(mask.sum()), answers=len(mask), longest=SETTINGS["longest"])
    return float(policy_loss(policy, sampled).total / divided)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_advantages_and_losses_are_those_of_trl(estimator: Estimator) -> None:
    found = advantages(given("rewards").view(-1, SETTINGS["group"]), estimator).flatten()
    assert found.tolist() == pytest.approx(STORED["advantages"][estimator], rel=1e-7)
    assert loss(estimator) == pytest.approx(STORED["expected"][estimator], rel=1e-7)


def test_the_distance_from_the_base_is_that_of_trl() -> None:
    assert loss("grpo", SETTINGS["kl"]) == pytest.approx(STORED["expected"]["grpo_kl"], rel=1e-7)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_group_without_spread_teaches_nothing(estimator: Estimator) -> None:
    assert not advantages(torch.tensor([[0.3, 0.3, 0.3], [0.0, 1.0, 0.0]]), estimator)[0].any()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_first_step_on_answers_makes_better_ones_likelier_whatever_the_parts_it_is_read_in(
    estimator: Estimator,
) -> None:
    logprob = given("now").requires_grad_()
    advantage, mask = torch.linspace(-1, 1, len(logprob), dtype=torch.float64), given("mask").bool()
    policy = PolicyConfig(advantage=estimator)

    def total(rows: slice) -> torch.Tensor:
        before = logprob.detach()[rows]
        return policy_loss(policy, Sampled(logprob[rows], before, None, advantage[rows], mask[rows])).total

    (whole,) = torch.autograd.grad(total(slice(None)), logprob)
    (parts,) = torch.autograd.grad(total(slice(0, 5)) + total(slice(5, None)), logprob)
    torch.testing.assert_close(whole, parts)
    torch.testing.assert_close(whole, -(advantage[:, None] * mask).expand_as(whole))


def test_a_token_that_moved_beyond_the_bound_in_the_direction_of_its_advantage_has_no_gradient() -> None:
    before, advantage = torch.zeros(1, 4), torch.tensor([1.0])
    logprob = torch.tensor([[0.5, 0.1, -0.5, 0.0]], requires_grad=True)
    found = policy_loss(PolicyConfig(), Sampled(logprob, before, None, advantage, torch.ones(1, 4, dtype=torch.bool)))
    found.total.backward()
    assert logprob.grad is not None and [value != 0 for value in logprob.grad[0].tolist()] == [False, True, True, True]
    assert int(found.clipped) == 1 and float(found.kl) == 0


def test_the_distance_from_the_base_is_never_negative_and_0_where_nothing_moved() -> None:
    logprob, mask = given("now"), given("mask").bool()
    zero = torch.zeros(len(logprob), dtype=torch.float64)
    near = policy_loss(PolicyConfig(kl=1.0), Sampled(logprob, logprob, logprob, zero, mask))
    far = policy_loss(PolicyConfig(kl=1.0), Sampled(logprob, logprob, given("reference"), zero, mask))
    assert float(near.kl) == 0 and float(far.kl) > 0 and float(far.total) == pytest.approx(float(far.kl))
