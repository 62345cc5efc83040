"""Finding desirable answers likelier, and undesirable ones less likely."""

from typing import Any

import torch
from torch import nn
from torch.utils.data import Sampler, SequentialSampler

from training.batches.labelled import DESIRABLE, OTHER, collate_labelled
from training.batches.packing import IGNORED
from training.batches.pairs import REFERENCE
from training.stages.kto.config import KtoLoss
from training.trainer.answers import AnswersTrainer
from training.trainer.preference_losses import Answers, Compared, divergence_of, kto


class KtoTrainer(AnswersTrainer):
    """The trainer of labelled answers.

    Attributes:
        loss: What is made of an answer.
        divergence: That of the batch, in nats.
    """

    collate = staticmethod(collate_labelled)
    loss: KtoLoss
    divergence: torch.Tensor
    measures = (*AnswersTrainer.measures, "kl")

    def compared(self, model: nn.Module, inputs: dict[str, Any]) -> Compared:
        """See ``JudgedTrainer.compared``; an item is an answer."""
        desirable, references = inputs.pop(DESIRABLE), inputs.pop(REFERENCE)
        others = {name.removeprefix(OTHER): inputs.pop(name) for name in list(inputs) if name.startswith(OTHER)}
        with torch.no_grad():
            self.divergence = divergence_of(self._answers(model, others, references[:, 1]))
        answers = self._answers(model, inputs, references[:, 0])
        return kto(answers, desirable, self.divergence, **self.loss.model_dump())

    def _answers(self, model: nn.Module, inputs: dict[str, Any], references: torch.Tensor) -> Answers:
        labels = inputs.pop("labels")
        logprobs = self.logprobs.of_rows(model(**inputs), labels)
        return Answers(logprobs, (labels[:, 1:] != IGNORED).sum(1), references)

    def measured(self, found: Compared) -> dict[str, torch.Tensor]:
        """Adds how far the model has moved from the base."""
        return super().measured(found) | {"kl": self.divergence.expand(len(found.losses))}

    def _weight(self, inputs: dict[str, Any]) -> int:
        self._counts(inputs)
        return len(inputs["labels"])

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        # their order is drawn already (``label_answers``): the answers of a batch belong together
        return SequentialSampler(self.train_dataset)
