"""Answers of a model in training, for whoever watches it: ``samples.jsonl`` of its run. No log has them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loguru import logger
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from data_recipes.schema.example import Example
from models.run_directory import append_metrics, keep_until
from training.trainer.rollouts import Answered


class SampleLog(TrainerCallback):
    """Writes the answers to one question, with their rewards, whenever the loss is logged.

    Args:
        file: Where to; what a resumed run had written after its checkpoint is written again.

    Attributes:
        answers: The newest question, with all answers to it; None once they are written.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.answers: tuple[Example, Sequence[Answered]] | None = None

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Keeps what was written until the checkpoint."""
        keep_until(self.file, state.global_step)
        logger.info("sampled answers with their rewards: {}", self.file)

    def write(self, step: int) -> None:
        """Adds the newest answers, once."""
        if self.answers is None:
            return
        (question, answers), self.answers = self.answers, None
        record = {
            "step": step,
            "id": question.id,
            "question": question.prompt[-1].content,
            "reference": question.answer,
            "answers": [{"text": one.text, "reward": one.reward, **one.scores} for one in answers],
        }
        append_metrics(self.file, record)
