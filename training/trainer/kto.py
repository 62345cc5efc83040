"""Trains a model to find desirable answers likelier, and undesirable ones less likely."""

from typing import Any

import torch
from peft import PeftModel
from torch import nn
from torch.utils.data import Sampler, SequentialSampler
from transformers import PreTrainedModel

from models.run_directory import RunDirectory
from training.batches.labelled import DESIRABLE, OTHER, LabelledRows, collate_labelled
from training.batches.packing import IGNORED
from training.batches.pairs import REFERENCE
from training.config import TrainConfig
from training.measured import check_rows
from training.stages.kto.config import KtoLoss
from training.trainer.answer_logprobs import AnswerLogprobs
from training.trainer.arguments import training_arguments, training_numerics
from training.trainer.judged import JudgedTrainer
from training.trainer.preference_losses import Answers, Compared, divergence_of, kto
from training.trainer.supervised import Along, run_to_end
from training.trainer.trackers import offline


def train(
    model: PreTrainedModel | PeftModel,
    train_answers: LabelledRows,
    dev_answers: LabelledRows,
    loss: KtoLoss,
    config: TrainConfig,
    run: RunDirectory,
    seed: int,
    along: Along,
) -> None:
    """Trains a model in place, continuing from the run's newest checkpoint if it has one.

    Args:
        model: The model, with what is trained on it.
        train_answers: What it sees.
        dev_answers: What the dev loss is measured on.
        loss: What is made of an answer.
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
        trainer = KtoTrainer(
            model=model,
            args=training_arguments(config, run, seed),
            train_dataset=train_answers,
            eval_dataset=dev_answers,
            data_collator=collate_labelled,
        )
        trainer.loss, trainer.logprobs = loss, logprobs
        trainer.take(along, logprobs)
        run_to_end(trainer, run, config)


class KtoTrainer(JudgedTrainer):
    """The trainer of labelled answers.

    Attributes:
        loss: What is made of an answer.
        logprobs: What has taken over the model's output layer.
        divergence: That of the batch, in nats.
    """

    loss: KtoLoss
    logprobs: AnswerLogprobs
    divergence: torch.Tensor
    measures = (*JudgedTrainer.measures, "kl")

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
