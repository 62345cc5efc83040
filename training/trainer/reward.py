"""Trains a model that rates answers with the project's trainer, on pairs of a better and a worse one."""

from typing import Any

import torch
from peft import PeftModel
from torch import nn
from transformers import PreTrainedModel

from models.output_layer import OutputLayer
from models.run_directory import RunDirectory
from training.batches.packing import IGNORED
from training.batches.pairs import PairRows, collate_pairs
from training.config import TrainConfig
from training.measured import check_rows
from training.trainer.arguments import training_arguments
from training.trainer.companion import Companion
from training.trainer.pairs import PairTrainer
from training.trainer.preference_losses import Compared
from training.trainer.supervised import Along, run_to_end
from training.trainer.trackers import offline

HEAD = "score"
"""Name of the trained layer, as in transformers' classifiers."""


class RewardHead(OutputLayer):
    """One number in place of the vocabulary: the model's output layer is never applied.

    It is used inside its context, where the model returns what would go into that layer.

    Args:
        model: The model.
        dtype: Type that the products of training are taken in; the number itself is computed in float32.
        is_last: As of ``OutputLayer``.
    """

    def __init__(
        self, model: PreTrainedModel | PeftModel, dtype: torch.dtype = torch.float32, is_last: bool | None = None
    ) -> None:
        super().__init__(model, is_last)
        weight = self.layer.weight
        hidden = weight.shape[1]
        self.score = nn.Linear(hidden, 1, bias=False, device=weight.device)
        # so that rewards differ by about 1 at first (arXiv:2009.01325)
        nn.init.normal_(self.score.weight, std=(hidden + 1) ** -0.5)

    def of_rows(self, outputs: Any, labels: torch.Tensor) -> torch.Tensor:
        """The reward of every row's answer, ``[batch]``, at its last supervised token.

        Args:
            outputs: Of the model inside the context.
            labels: ``[batch, seq]``, ``IGNORED`` where nothing is supervised.
        """
        places = torch.arange(labels.shape[1], device=labels.device)
        last = (places * (labels != IGNORED)).argmax(1)
        return self._rated(outputs.logits[torch.arange(len(labels), device=labels.device), last])

    def total(self, returned: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """A sum over some positions, for the rehearsal of a step; see ``SupervisedLoss.total``."""
        return self._rated(returned).sum()

    def _rated(self, hidden: torch.Tensor) -> torch.Tensor:
        with torch.autocast(hidden.device.type, enabled=False):
            rewards: torch.Tensor = self.score(hidden.float())[:, 0]
        return rewards


def train(
    model: PreTrainedModel | PeftModel,
    train_pairs: PairRows,
    dev_pairs: PairRows,
    config: TrainConfig,
    run: RunDirectory,
    seed: int,
    along: Along,
) -> torch.Tensor:
    """Trains a model and its head in place, continuing from the run's newest checkpoint if it has one.

    Args:
        model: The model, with what is trained on it.
        train_pairs: What it sees.
        dev_pairs: What the dev loss is measured on.
        config: How it is trained.
        run: Where checkpoints and metrics go.
        seed: Seed of the order.
        along: What goes along with it.

    Returns:
        The head, ``[1, hidden]``.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; a checkpoint was saved first, unless it came twice.
        Refused: The loss is not a number any more.
        UserError: The disk is full.
    """
    check_rows(model, packing=False)
    with RewardHead(model) as head, offline(config.trackers, run):
        model.add_module(HEAD, head.score)  # so that the trainer trains it
        companion = along.companion or Companion(model)  # which keeps it in checkpoints: peft knows nothing of it
        trainer = RewardTrainer(
            model=model,
            args=training_arguments(config, run, seed),
            train_dataset=train_pairs,
            eval_dataset=dev_pairs,
            data_collator=collate_pairs,
        )
        trainer.head = head
        trainer.take(along._replace(companion=companion, dev_answers=None), head)
        run_to_end(trainer, run, config)
        delattr(model, HEAD)
    return head.score.weight.detach().cpu()


class RewardTrainer(PairTrainer):
    """The trainer of pairs, with the loss of Bradley and Terry (1952): ``-log σ(r_better - r_worse)``.

    Attributes:
        head: What rates.
    """

    head: RewardHead

    def of_outputs(self, outputs: Any, labels: torch.Tensor, references: torch.Tensor | None) -> Compared:
        """See ``PairTrainer.of_outputs``; the base is not asked."""
        return bradley_terry(self.head.of_rows(outputs, labels))


def bradley_terry(rewards: torch.Tensor) -> Compared:
    """The loss of pairs whose better and worse answers have in turn these rewards, ``[2 pairs]``."""
    margins = rewards[0::2] - rewards[1::2]
    return Compared(-nn.functional.logsigmoid(margins), margins)
