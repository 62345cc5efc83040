"""Early stopping and the best values: what is kept is what a run to that step has, also after a kill."""

import math
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from transformers import Trainer

from common.errors import Interrupted
from data_recipes.schema.example import Example
from models.artifact import SelectedRecord
from models.run_directory import RunDirectory
from tests.training.conftest import logged
from tests.training.trainer.test_trainer import begun, trained
from training.stages.sft.config import SftConfig
from training.trainer.dev_loss import BEST_FILE, DevLosses
from training.trainer.supervised import SupervisedTrainer

MakeConfig = Callable[..., SftConfig]
CONSTANT = ("method=lora", "train.epochs=9", "train.schedule=constant", "train.warmup_share=0", "train.precision=fp32")
WATCHED = (*CONSTANT, "train.max_steps=20", "train.early_stopping=2", "train.keep_best=true")
LOSSES = {3: 3.0, 6: 2.0, 9: 2.5, 12: 2.0}
"""By step; the least is that of step 6, and no later one is lower."""


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The steps that are trained, while the dev loss is that of the table."""
    step, taken = SupervisedTrainer.training_step, []

    def noted(self: SupervisedTrainer, *arguments: Any, **named: Any) -> torch.Tensor:
        taken.append(self.state.global_step + 1)
        return step(self, *arguments, **named)

    def measured(self: Trainer, *_: Any, **__: Any) -> tuple[torch.Tensor, None, None]:
        return torch.tensor(LOSSES[self.state.global_step]), None, None

    monkeypatch.setattr(SupervisedTrainer, "training_step", noted)
    monkeypatch.setattr(Trainer, "prediction_step", measured)
    yield taken


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(values, other[name]) for name, values in one.items())


@pytest.mark.slow  # four trainings; the next two have the best values and the stop
def test_the_best_values_are_those_of_a_run_that_ends_there_also_after_an_interruption(
    make_config: MakeConfig, examples: list[Example], steps: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    six = make_config(*CONSTANT, "train.max_steps=6", "name=six")
    until_six = trained(six, begun(six), examples)
    config = make_config(*WATCHED)
    run = begun(config)
    _interrupted_at(8, monkeypatch, lambda: trained(config, run, examples))
    assert (run.checkpoints / "checkpoint-8" / BEST_FILE).is_file() and run.selected is None
    steps.clear()
    with logged() as lines:
        kept = trained(config, run, examples)
    assert steps == [9, 10, 11, 12] and same(kept, until_six)
    assert run.selected == SelectedRecord(step=6, steps=12, dev_loss=2.0, evaluations=4, stopped_early=True)
    assert any("training stops early: no lower dev loss in 2 evaluations (least: 2.0000 at step 6)" in x for x in lines)
    _check_resumed_after_the_stop(run, config, examples, steps, until_six)


def _interrupted_at(step: int, monkeypatch: pytest.MonkeyPatch, train: Callable[[], object]) -> None:
    before = SupervisedTrainer.training_step

    def interrupting(self: SupervisedTrainer, *arguments: Any, **named: Any) -> torch.Tensor:
        if self.state.global_step == step - 1:
            os.kill(os.getpid(), signal.SIGINT)
        return before(self, *arguments, **named)

    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(SupervisedTrainer, "training_step", interrupting)
        train()


def _check_resumed_after_the_stop(
    run: RunDirectory, config: SftConfig, examples: list[Example], steps: list[int], expected: dict[str, torch.Tensor]
) -> None:
    """A run that is killed between its stop and its result does not train on, and has the same result."""
    steps.clear()
    run.selected_file.unlink()
    assert same(trained(config, run, examples), expected)
    assert steps == [] and run.selected is not None and run.selected.stopped_early


@pytest.mark.slow  # a training; the stop is in the next tests
def test_without_keep_best_the_last_values_stay_and_the_last_step_is_measured(
    make_config: MakeConfig, examples: list[Example], steps: list[int]
) -> None:
    config = make_config(*CONSTANT, "train.max_steps=6", "train.early_stopping=4", "train.eval_steps=4", "name=last")
    run = begun(config)
    with pytest.MonkeyPatch.context() as patch, logged() as lines:
        patch.setitem(LOSSES, 4, 1.0)
        trained(config, run, examples)
    assert run.selected == SelectedRecord(step=6, steps=6, dev_loss=2.0, evaluations=2, stopped_early=False)
    assert not list(run.checkpoints.glob(f"*/{BEST_FILE}"))
    assert any("train.early_stopping=4 cannot stop this run: 2 evaluations in 6 steps" in line for line in lines)


def test_patience_that_ends_with_the_last_step_stops_nothing_early(make_config: MakeConfig) -> None:
    losses, config = DevLosses({3: 1.0, 6: 2.0, 9: 3.0}), make_config(*WATCHED).train
    assert losses.are_enough(config)
    assert not losses.selected(config, planned=9).stopped_early and losses.selected(config, planned=12).stopped_early


@pytest.mark.parametrize(
    ("losses", "best", "since"),
    [([3, 2, 2.5, 2], 2, 2), ([math.nan, 5, 6], 2, 1), ([math.inf], 1, 0), ([4, 3, 2], 3, 0)],
)
def test_the_first_of_equals_is_the_best_and_what_is_no_number_never_is(
    losses: list[float], best: int, since: int
) -> None:
    found = DevLosses(dict(enumerate(losses, 1)))
    assert (found.best, found.since_best) == (best, since)
