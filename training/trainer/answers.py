"""Trains a model on how likely it finds judged answers: pairs (DPO and its like), or single ones with a label (KTO)."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from models.run_directory import RunDirectory
from training.config import TrainConfig
from training.measured import check_rows
from training.trainer.answer_logprobs import AnswerLogprobs
from training.trainer.arguments import training_arguments, training_numerics
from training.trainer.judged import JudgedTrainer
from training.trainer.supervised import Along, run_to_end
from training.trainer.trackers import offline


class AnswersTrainer(JudgedTrainer):
    """Trains on judged answers by their log-probabilities.

    Attributes:
        loss: The configuration of what is made of an item.
        logprobs: What has taken over the model's output layer.
    """

    loss: Any
    logprobs: AnswerLogprobs

    @staticmethod
    @abstractmethod
    def collate(rows: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Batch of the rows of a dataset."""


def train(
    trainer_class: type[AnswersTrainer],
    model: PreTrainedModel | PeftModel,
    train_rows: torch.utils.data.Dataset[Any],
    dev_rows: torch.utils.data.Dataset[Any],
    loss: Any,
    config: TrainConfig,
    run: RunDirectory,
    seed: int,
    along: Along,
) -> None:
    """Trains a model in place, continuing from the run's newest checkpoint if it has one.

    Args:
        trainer_class: What is trained on: pairs, or labelled answers.
        model: The model, with what is trained on it.
        train_rows: What it sees.
        dev_rows: What the dev loss is measured on.
        loss: What is made of an item.
        config: How it is trained.
        run: Where checkpoints and metrics go.
        seed: Seed of all that is random.
        along: What goes along with it.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; a checkpoint was saved first, unless it came twice.
        Refused: The loss is not a number any more.
        UserError: The disk is full.
    """
    check_rows(model, packing=False)
    with AnswerLogprobs(model, training_numerics(config).dtype) as logprobs, offline(config.trackers, run):
        trainer = trainer_class(
            model=model,
            args=training_arguments(config, run, seed),
            train_dataset=train_rows,
            eval_dataset=dev_rows,
            data_collator=trainer_class.collate,
        )
        trainer.loss, trainer.logprobs = loss, logprobs
        trainer.take(along, logprobs)
        run_to_end(trainer, run, config)
