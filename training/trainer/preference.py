"""Trains a model to find the better answer of a pair likelier than the worse one."""

from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from models.run_directory import RunDirectory
from training.batches.packing import IGNORED
from training.batches.pairs import PairRows, collate_pairs
from training.config import TrainConfig
from training.measured import check_rows
from training.stages.preference.config import AnyLoss
from training.trainer.answer_logprobs import AnswerLogprobs
from training.trainer.arguments import training_arguments, training_numerics
from training.trainer.pairs import PairTrainer
from training.trainer.preference_losses import Answers, Compared, compare
from training.trainer.supervised import Along, run_to_end
from training.trainer.trackers import offline


def train(
    model: PreTrainedModel | PeftModel,
    train_pairs: PairRows,
    dev_pairs: PairRows,
    loss: AnyLoss,
    config: TrainConfig,
    run: RunDirectory,
    seed: int,
    along: Along,
) -> None:
    """Trains a model in place, continuing from the run's newest checkpoint if it has one.

    Args:
        model: The model, with what is trained on it.
        train_pairs: What it sees.
        dev_pairs: What the dev loss is measured on.
        loss: What is made of a pair.
        config: How it is trained.
        run: Where checkpoints and metrics go.
        seed: Seed of the order.
        along: What goes along with it.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; a checkpoint was saved first, unless it came twice.
        Refused: The loss is not a number any more.
        UserError: The disk is full.
    """
    check_rows(model, packing=False)
    with AnswerLogprobs(model, training_numerics(config).dtype) as logprobs, offline(config.trackers, run):
        trainer = PreferenceTrainer(
            model=model,
            args=training_arguments(config, run, seed),
            train_dataset=train_pairs,
            eval_dataset=dev_pairs,
            data_collator=collate_pairs,
        )
        trainer.loss, trainer.logprobs = loss, logprobs
        trainer.take(along, logprobs)
        run_to_end(trainer, run, config)


class PreferenceTrainer(PairTrainer):
    """The trainer of pairs, with a loss of how likely their answers are.

    Attributes:
        loss: What is made of a pair.
        logprobs: What has taken over the model's output layer.
    """

    loss: AnyLoss
    logprobs: AnswerLogprobs

    def of_outputs(self, outputs: Any, labels: torch.Tensor, references: torch.Tensor | None) -> Compared:
        """See ``PairTrainer.of_outputs``."""
        logprobs, tokens = self.logprobs.of_rows(outputs, labels), (labels[:, 1:] != IGNORED).sum(1)
        better, worse = (
            Answers(logprobs[row::2], tokens[row::2], None if references is None else references[row::2])
            for row in (0, 1)
        )
        return compare(self.loss, better, worse)
