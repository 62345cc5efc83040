"""Log-probabilities of continuations are those of a plain loop over whole texts, whatever is shared and batched."""

from pathlib import Path

import peft
import pytest
import torch

from models.engines.engine import Choice
from models.engines.local import LocalEngine, load_engine

CLOSE = 1e-4  # nats: sums of float32 in another order


@pytest.fixture(scope="module")
def engine(tiny_base: Path) -> LocalEngine:
    return load_engine(tiny_base)


def plain(model: torch.nn.Module, choice: Choice) -> list[float]:
    """By the simplest code there is: one pass over each whole text."""
    found = []
    for tokens in choice.continuations:
        ids = [*choice.context, *tokens]
        with torch.no_grad():
            logprobs = model(input_ids=torch.tensor([ids])).logits[0].float().log_softmax(-1)
        logprobs = logprobs[-len(ids) :]  # a trained prefix comes before
        found.append(sum(float(logprobs[at - 1, ids[at]]) for at in range(len(choice.context), len(ids))))
    return found


CHOICES = [
    Choice([5, 6, 7, 8, 9], [[10], [11, 12, 13], [11, 12, 14]]),
    Choice([5, 6, 7], [[8, 9], [20]]),
    Choice([5, 6, 7, 8, 9, 10, 11, 12], [[13]]),
]


def test_continuations_of_any_length_and_contexts_that_begin_each_other(engine: LocalEngine) -> None:
    for choice, scores in zip(CHOICES, engine.score_choices(CHOICES), strict=True):
        assert scores == pytest.approx(plain(engine.model, choice), abs=CLOSE)
    [alone] = engine.score_choices([Choice([5], [[6], [7]])])
    assert alone == pytest.approx(plain(engine.model, Choice([5], [[6], [7]])), abs=CLOSE)


def test_a_trained_prefix_comes_before_every_text(tiny_base: Path) -> None:
    engine = load_engine(tiny_base)
    config = peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4)
    model = peft.get_peft_model(engine.model, config)
    torch.nn.init.normal_(model.prompt_encoder.default.embedding.weight)
    prefixed = LocalEngine(model, engine.prompt_format, "prefixed")
    found = prefixed.score_choices(CHOICES)
    assert found[0] != pytest.approx(load_engine(tiny_base).score_choices(CHOICES)[0], abs=0.01)
    for choice, scores in zip(CHOICES, found, strict=True):
        assert scores == pytest.approx(plain(prefixed.model, choice), abs=CLOSE)
