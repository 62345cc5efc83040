"""The dev loss decides: training stops when it falls no more, and the values with the least of it are the result."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from loguru import logger
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from models.artifact import SelectedRecord
from training.config import OptimiserConfig

BEST_FILE = "best.safetensors"
"""The best values so far, in every checkpoint: a resumed run keeps what an uninterrupted one would."""


@dataclass(frozen=True)
class DevLosses:
    """The dev losses of a run until now; at least one, where ``best`` is asked for.

    Attributes:
        by_step: Nats per supervised token, by the step after which they were measured, in order.
    """

    by_step: Mapping[int, float]

    @classmethod
    def of(cls, history: Iterable[Mapping[str, Any]]) -> "DevLosses":
        """Those in the history that transformers' trainer keeps, also in ``trainer_state.json``."""
        return cls({entry["step"]: entry["eval_loss"] for entry in history if "eval_loss" in entry})

    @property
    def best(self) -> int:
        """The step with the least loss, the first of equals."""
        return min(self.by_step, key=lambda step: _or_worst(self.by_step[step]))

    @property
    def since_best(self) -> int:
        """The number of evaluations after the best one."""
        return sum(step > self.best for step in self.by_step) if self.by_step else 0

    def are_enough(self, config: OptimiserConfig) -> bool:
        """Whether training stops here, as the loss has not fallen for long."""
        return config.early_stopping is not None and self.since_best >= config.early_stopping

    def selected(self, config: OptimiserConfig, planned: int) -> SelectedRecord:
        """Which values of a finished training are its result.

        Args:
            config: Whether the best values are kept.
            planned: Steps that the training would have had without a stop.
        """
        last = max(self.by_step)
        step = self.best if config.keep_best else last
        return SelectedRecord(
            step=step,
            steps=last,
            dev_loss=self.by_step[step],
            evaluations=len(self.by_step),
            stopped_early=last < planned,
        )


def _or_worst(loss: float) -> float:
    return loss if math.isfinite(loss) else math.inf


class DevLossWatch(TrainerCallback):
    """Follows the dev loss, keeps the values with the least of it, and stops training when it falls no more.

    Everything but the values themselves comes from the trainer's history, which every checkpoint has.

    Args:
        model: The model in training.
        config: Whether values are kept, and when training stops.
        resumed_from: The checkpoint that training is resumed from.

    Attributes:
        values: What is trained, as it was at the best evaluation, on the CPU; empty before the first one.
    """

    def __init__(self, model: nn.Module, config: OptimiserConfig, resumed_from: Path | None) -> None:
        self.model, self.config = model, config
        file = resumed_from / BEST_FILE if resumed_from else None
        self.values: dict[str, torch.Tensor] = load_file(file) if file and file.is_file() else {}

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Warns where there are too few evaluations for a stop."""
        patience, evaluations = self.config.early_stopping, -(-state.max_steps // self.config.eval_steps)
        if patience is not None and evaluations <= patience:
            logger.warning(
                "train.early_stopping={} cannot stop this run: {} evaluations in {} steps; lower train.eval_steps",
                *(patience, evaluations, state.max_steps),
            )

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """The last values are measured like the others."""
        control.should_evaluate |= state.global_step == state.max_steps

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Keeps the values if they are the best, and stops if none has been for long; the stop has its checkpoint."""
        losses = DevLosses.of(state.log_history)
        if self.config.keep_best and losses.best == state.global_step:
            self.values = {name: values.detach().to("cpu", copy=True) for name, values in self._trained()}
        if losses.are_enough(self.config) and state.global_step < state.max_steps:
            logger.info(
                "step {}: training stops early: no lower dev loss in {} evaluations (least: {:.4f} at step {})",
                *(state.global_step, losses.since_best, losses.by_step[losses.best], losses.best),
            )
            control.should_training_stop = control.should_save = True

    def save(self, checkpoint: Path) -> None:
        """Writes the best values into a checkpoint."""
        if self.values:
            save_file(self.values, checkpoint / BEST_FILE)

    def restore(self) -> None:
        """Puts the best values back into the model."""
        with torch.no_grad():
            for name, values in self._trained():
                values.copy_(self.values[name])

    def _trained(self) -> list[tuple[str, nn.Parameter]]:
        return [(name, values) for name, values in self.model.named_parameters() if values.requires_grad]
