"""The project's trainer, for pairs of a better and a worse answer."""

from abc import abstractmethod
from typing import Any

import torch
from torch import nn
from torch.utils.data import Sampler

from training.batches.pairs import REFERENCE, PairRows
from training.trainer.judged import JudgedTrainer
from training.trainer.preference_losses import Compared
from training.trainer.supervised import EpochOrder


class PairTrainer(JudgedTrainer):
    """Trains on pairs, whose answers are in turn the rows of a batch."""

    @abstractmethod
    def of_outputs(self, outputs: Any, labels: torch.Tensor, references: torch.Tensor | None) -> Compared:
        """What the pairs of a batch cost.

        Args:
            outputs: Of the model, for the rows.
            labels: ``[batch, seq]``, ``IGNORED`` where nothing is supervised.
            references: What the base says of each row, ``[batch]``; None where it is not asked.
        """

    def compared(self, model: nn.Module, inputs: dict[str, Any]) -> Compared:
        """See ``JudgedTrainer.compared``; an item is a pair."""
        labels, references = inputs.pop("labels"), inputs.pop(REFERENCE, None)
        return self.of_outputs(model(**inputs), labels, references)

    def _weight(self, inputs: dict[str, Any]) -> int:
        self._counts(inputs)
        return len(inputs["labels"]) // 2

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        pairs = self.train_dataset
        assert isinstance(pairs, PairRows)
        return EpochOrder(pairs.lengths, self.args.seed, epoch=lambda: int(self.state.epoch or 0), group=None)
