"""Ctrl-C and SIGTERM while training."""

import signal
from types import FrameType
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from common.errors import Terminated
from training import processes

NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Interrupt(TrainerCallback):
    """Turns the first signal into "save a checkpoint after this step and stop"; a second one stops at once.

    Attributes:
        asked: The first signal; None before it.
    """

    asked: int | None = None

    def __enter__(self) -> None:
        self.before = {number: signal.signal(number, self._ask) for number in NAMES}

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked is not None:
            raise Terminated if number == signal.SIGTERM else KeyboardInterrupt
        self.asked = number
        name = NAMES[signal.Signals(number)]
        tqdm.write(f"{name}: finishing this step and saving a checkpoint; a second one stops at once")

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Requests a checkpoint and a stop."""
        if any(processes.summed(self.asked is not None)):  # all processes stop after the same step, and say so
            self.asked = self.asked or signal.SIGTERM
            control.should_save = control.should_training_stop = True
