"""Distances between distributions: what trl computes for the same logits, and the loss in parts against the whole."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from models.loading import load_model
from training.batches.packing import IGNORED
from training.trainer.answer_logprobs import AnswerLogprobs
from training.trainer.distillation import DistillationLoss, Taught
from training.trainer.divergence import divergence, kl

STORED = json.loads(Path(__file__).with_name("trl_divergences.json").read_text(encoding="utf-8"))
LOGITS = {name: torch.tensor(values, dtype=torch.float64) for name, values in STORED["given"].items()}


@pytest.mark.parametrize(("beta", "expected"), STORED["expected"].items())
def test_divergences_are_those_of_trl(beta: str, expected: float) -> None:
    found = divergence(LOGITS["student"], LOGITS["teacher"], beta=float(beta))
    assert found.shape == (5,) and float(found.sum()) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_a_student_that_is_its_teacher_is_at_the_least(beta: float) -> None:
    student = LOGITS["teacher"].clone().requires_grad_()
    found = divergence(student, LOGITS["teacher"], beta=beta)
    found.sum().backward()
    assert student.grad is not None
    assert found.abs().max() < 1e-12 and student.grad.abs().max() < 1e-12


def test_the_limits_are_the_two_directions() -> None:
    q, p = LOGITS["student"].log_softmax(-1), LOGITS["teacher"].log_softmax(-1)
    small = 1e-6
    near = [divergence(LOGITS["student"], LOGITS["teacher"], beta=beta) / small for beta in (small, 1 - small)]
    torch.testing.assert_close(near[0], kl(p, q), rtol=1e-3, atol=0)
    torch.testing.assert_close(near[1], kl(q, p), rtol=1e-3, atol=0)


def test_the_loss_in_parts_is_that_of_whole_logits(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.trainer.distillation.ROWS", 3)
    student, teacher = (load_model(tiny_base, dtype=torch.float32) for _ in range(2))
    with torch.no_grad():
        for values in teacher.parameters():
            values += 0.05 * torch.randn(values.shape, generator=torch.Generator().manual_seed(1))
    ids = torch.randint(300, (2, 12), generator=torch.Generator().manual_seed(2))
    labels = ids.masked_fill(torch.arange(12) < 4, IGNORED)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    logits = [model(**batch).logits[:, 3:-1].flatten(0, 1) for model in (student, teacher)]
    expected = divergence(*logits, beta=0.3).mean()
    expected.backward()
    weight = student.get_output_embeddings().weight
    gradient, weight.grad = weight.grad, None
    with AnswerLogprobs(student, torch.float32) as of_student, AnswerLogprobs(teacher, torch.float32) as of_teacher:
        loss = DistillationLoss(of_student, of_teacher, Taught(teacher, 0.3))
        loss.read({**batch, "labels": labels})
        found = loss(SimpleNamespace(logits=student(**batch).logits), labels)
        found.backward()
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(weight.grad, gradient)
    assert all(values.grad is None for values in teacher.parameters()) or found.requires_grad
