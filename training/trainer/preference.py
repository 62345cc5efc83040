"""Finding the better answer of a pair likelier than the worse one."""

from typing import Any

import torch

from training.batches.packing import IGNORED
from training.batches.pairs import collate_pairs
from training.stages.preference.config import AnyLoss
from training.trainer.answers import AnswersTrainer
from training.trainer.pairs import PairTrainer
from training.trainer.preference_losses import Answers, Compared, compare


class PreferenceTrainer(PairTrainer, AnswersTrainer):
    """The trainer of pairs, with a loss of how likely their answers are.

    Attributes:
        loss: What is made of a pair.
    """

    collate = staticmethod(collate_pairs)
    loss: AnyLoss

    def of_outputs(self, outputs: Any, labels: torch.Tensor, references: torch.Tensor | None) -> Compared:
        """See ``PairTrainer.of_outputs``."""
        logprobs, tokens = self.logprobs.of_rows(outputs, labels), (labels[:, 1:] != IGNORED).sum(1)
        better, worse = (
            Answers(logprobs[row::2], tokens[row::2], None if references is None else references[row::2])
            for row in (0, 1)
        )
        return compare(self.loss, better, worse)
