"""Log-probabilities of answers are those of the model's own logits, and so are their gradients."""

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from models.loading import load_model
from training.batches.packing import IGNORED
from training.trainer import answer_logprobs
from training.trainer.answer_logprobs import AnswerLogprobs


@pytest.fixture
def model(tiny_base: Path) -> nn.Module:
    torch.manual_seed(1)
    adapter = LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False)
    return get_peft_model(load_model(tiny_base, dtype=torch.float32), adapter)


def test_answers_and_gradients_are_the_models_own(model: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_logprobs, "ROWS", 7)  # several parts, the last one shorter
    ids = torch.randint(5, 500, (4, 20), generator=torch.Generator().manual_seed(2))
    labels = ids.clone()
    labels[:, :8] = IGNORED
    labels[2, 15:] = IGNORED
    weights = torch.tensor([1.0, -0.5, 2.0, 0.0])  # as a loss of preferences weighs answers

    logits = model(input_ids=ids, use_cache=False).logits[:, :-1].log_softmax(-1)
    targets = labels[:, 1:]
    tokens = logits.gather(2, targets.clamp(min=0)[..., None])[..., 0] * (targets != IGNORED)
    expected = tokens.sum(1)
    (expected * weights).sum().backward()
    theirs = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()

    with AnswerLogprobs(model, torch.float32) as logprobs:
        found = logprobs.of_rows(model(input_ids=ids, use_cache=False), labels)
        (found * weights).sum().backward()
    torch.testing.assert_close(found, expected)
    ours = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert ours.keys() == theirs.keys() and ours
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-4, atol=1e-5)


def test_a_row_without_an_answer_counts_as_certain(model: nn.Module) -> None:
    ids = torch.randint(5, 500, (2, 9), generator=torch.Generator().manual_seed(2))
    labels = torch.full_like(ids, IGNORED)
    labels[0, 4:] = ids[0, 4:]
    with AnswerLogprobs(model, torch.float32) as logprobs:
        found = logprobs.of_rows(model(input_ids=ids, use_cache=False), labels)
    assert found[0] < 0 and found[1] == 0
