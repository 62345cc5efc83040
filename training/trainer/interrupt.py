"""Ctrl-C while training."""

import signal
from types import FrameType
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class Interrupt(TrainerCallback):
    """Turns the first Ctrl-C into "save a checkpoint after this step and stop"; a second one stops at once."""

    asked = False

    def __enter__(self) -> None:
        self.before = signal.signal(signal.SIGINT, self._ask)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self.before)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        tqdm.write("Ctrl-C: finishing this step and saving a checkpoint; press again to stop at once")
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Requests a checkpoint and a stop."""
        if self.asked:
            control.should_save = control.should_training_stop = True
