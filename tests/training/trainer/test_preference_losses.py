"""The losses of preferences: what trl computes for the same answers, and what their papers say of them."""

import json
import math
from pathlib import Path

import pytest
import torch

from training.trainer.preference_losses import Answers, divergence_of, dpo, ipo, kto, orpo, simpo

STORED = json.loads(Path(__file__).with_name("trl_losses.json").read_text(encoding="utf-8"))
EXPECTED = STORED["expected"]


def answers() -> tuple[Answers, Answers]:
    """Those that ``trl_losses.py`` was run on."""
    now, before = (torch.tensor(STORED["given"][name], dtype=torch.float64).sum(1) for name in ("now", "before"))
    tokens = torch.tensor(STORED["given"]["mask"]).sum(1)
    half = len(now) // 2
    return (
        Answers(now[:half], tokens[:half], before[:half]),
        Answers(now[half:], tokens[half:], before[half:]),
    )


def test_losses_are_those_of_trl() -> None:
    better, worse = answers()
    assert float(dpo(better, worse, beta=0.1).losses.mean()) == pytest.approx(EXPECTED["dpo"], rel=1e-6)
    assert float(ipo(better, worse, beta=0.2).losses.mean()) == pytest.approx(EXPECTED["ipo"], rel=1e-6)
    assert simpo(better, worse, beta=2.0, gamma=0.7).losses.tolist() == pytest.approx(EXPECTED["simpo"], rel=1e-6)
    preference = orpo(better, worse, weight=0.3).losses + better.per_token  # trl: weight * log σ(…), to be subtracted
    assert (-preference).tolist() == pytest.approx(EXPECTED["orpo"], rel=1e-5)  # trl computes it in float32


def test_the_loss_of_single_answers_is_that_of_trl() -> None:
    better, worse = answers()
    logprob, reference = torch.cat([better.logprob, worse.logprob]), torch.cat([better.reference, worse.reference])
    tokens = torch.cat([better.tokens, worse.tokens])
    divergence = divergence_of(Answers(logprob.flip(0), tokens.flip(0), reference.flip(0) - 2.0))
    assert float(divergence) == pytest.approx(EXPECTED["kto"]["kl"], rel=1e-6)
    desirable = torch.arange(len(logprob)) % 2 == 0
    found = kto(
        Answers(logprob, tokens, reference),
        desirable,
        divergence,
        beta=0.1,
        desirable_weight=1.5,
        undesirable_weight=0.8,
    )
    assert float(found.losses.mean()) == pytest.approx(EXPECTED["kto"]["loss"], rel=1e-6)


def test_a_model_that_became_less_likely_everywhere_has_no_divergence_and_answers_move_apart() -> None:
    tokens, logprob = torch.tensor([3, 3]), torch.tensor([-3.0, -5.0], requires_grad=True)
    others = Answers(torch.tensor([-9.0, -9.0]), tokens, torch.tensor([-8.0, -7.0]))
    assert float(divergence_of(others)) == 0
    found = kto(
        Answers(logprob, tokens, logprob.detach()), torch.tensor([True, False]), divergence_of(others), beta=0.2
    )
    assert found.losses.tolist() == pytest.approx([0.5, 0.5])
    found.losses.sum().backward()
    assert logprob.grad is not None and logprob.grad.tolist() == pytest.approx([-0.05, 0.05])  # β σ(0) (1 - σ(0))


def test_before_training_dpo_is_log_2_and_its_gradient_is_beta_half() -> None:
    logprob = torch.tensor([-3.0, -5.0], requires_grad=True)
    tokens = torch.tensor([3, 4])
    same = Answers(logprob, tokens, logprob.detach())
    found = dpo(same, Answers(torch.tensor([-2.0, -9.0]), tokens, torch.tensor([-2.0, -9.0])), beta=0.1)
    assert found.losses.tolist() == pytest.approx([math.log(2)] * 2) and found.margins.tolist() == [0, 0]
    found.losses.sum().backward()
    assert logprob.grad is not None and logprob.grad.tolist() == pytest.approx([-0.05, -0.05])


def test_dpo_may_also_keep_the_better_answer_likely() -> None:
    better, worse = answers()
    alone, kept = dpo(better, worse, beta=0.1), dpo(better, worse, beta=0.1, better_weight=0.5)
    torch.testing.assert_close(kept.losses - alone.losses, -0.5 * better.logprob / better.tokens)
    assert torch.equal(kept.margins, alone.margins)


def test_ipo_is_least_at_its_target_and_rises_beyond_it() -> None:
    tokens, zero = torch.tensor([2]), torch.zeros(1)
    worse = Answers(zero, tokens, zero)

    def loss(ratio_per_token: float) -> float:
        return float(ipo(Answers(torch.tensor([2 * ratio_per_token]), tokens, zero), worse, beta=0.25).losses)

    assert loss(2.0) == 0 and loss(1.0) == loss(3.0) == 1


def test_simpo_asks_for_a_margin_and_compares_answers_of_any_length() -> None:
    short, long = Answers(torch.tensor([-1.0]), torch.tensor([1])), Answers(torch.tensor([-9.0]), torch.tensor([9]))
    even = simpo(long, short, beta=2.0, gamma=1.0)
    assert float(even.margins) == 0 and float(even.losses) == pytest.approx(math.log(1 + math.e))


def test_an_answer_that_is_certain_has_finite_odds_and_gradients() -> None:
    logprob = torch.tensor([0.0, -1e-9, -40.0], requires_grad=True)
    other = Answers(torch.tensor([-1.0, -1.0, -1.0]), torch.ones(3))
    found = orpo(Answers(logprob, torch.ones(3)), other, weight=0.1)
    found.losses.sum().backward()
    assert found.losses.isfinite().all() and logprob.grad is not None and logprob.grad.isfinite().all()
