"""Every method on a small base: what is trained, what stays as it is, and what is loaded again."""

from pathlib import Path

import pytest
import torch
from torch import nn

from models.beside_base import on_base
from tests.training.conftest import MakeConfig
from tests.training.method_choices import method_choices, words_of
from training.base import find_base
from training.methods import METHODS
from training.stages.sft.job import attached_model

QUESTION = torch.tensor([[9, 8, 7, 6, 5, 4, 3, 2]])
OTHER = [[5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16] * 8]
SMALL = {"vera": ("method.rank=16",), "oft": ("method.block_size=16",)}
QUICK = ("adalora", "bottleneck", "pissa", "prefix_tuning", "prompt_tuning", "shira", "vera")
"""The others are attached and saved by the same code."""
CHOICES = [
    pytest.param(choice, marks=() if choice in QUICK else pytest.mark.slow)
    for choice in method_choices()
    if choice != "full"
]


def stepped(model: nn.Module, steps: int = 3) -> None:
    """A few steps of training."""
    model.train()
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(steps):
        logits = model(input_ids=QUESTION, use_cache=False).logits
        nn.functional.cross_entropy(logits[0, :-1], QUESTION[0, 1:]).backward()
        optimiser.step()
        optimiser.zero_grad()
    model.eval()


def logits(model: nn.Module) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model.eval()(input_ids=QUESTION, use_cache=False).logits
    return found


@pytest.mark.parametrize("choice", CHOICES)
def test_base_stays_bit_for_bit_and_the_result_is_the_trained_model_on_a_fresh_one(
    choice: str, make_config: MakeConfig, tmp_path: Path
) -> None:
    config = make_config(*words_of(choice), *SMALL.get(choice, ()))
    method, base = METHODS[config.method.kind], find_base(config)
    model = attached_model(config, base)
    method.start(model, config.method, OTHER, base)
    frozen = {name: p.detach().clone() for name, p in model.named_parameters() if not p.requires_grad}
    assert all(p.dtype == torch.float32 for p in model.parameters() if p.requires_grad)
    before = logits(model)
    stepped(model)
    assert all(torch.equal(values, model.get_parameter(name)) for name, values in frozen.items())
    trained = logits(model)
    assert (trained - before).abs().max() > 1e-3
    method.save(model, tmp_path, base, torch.float32)
    fresh = base.load(torch.float32, config.method.quantisation)
    loaded = on_base(fresh, tmp_path)
    torch.testing.assert_close(logits(loaded), trained, rtol=1e-4, atol=1e-4)
    if method.result == "mergeable" and config.method.quantisation is None:
        torch.testing.assert_close(logits(loaded.merge_and_unload()), trained, rtol=1e-3, atol=1e-3)
