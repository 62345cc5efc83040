"""Trains on pairs with the project's trainer, and logs how the model rates the two answers of a pair."""

from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftModel
from torch import nn
from torch.utils.data import Sampler
from transformers import PreTrainedModel

from models.run_directory import RunDirectory
from training.batches.packing import IGNORED
from training.batches.pairs import REFERENCE, PairRows, collate_pairs
from training.config import TrainConfig
from training.measured import check_rows
from training.stages.preference.config import AnyLoss
from training.trainer.answer_logprobs import AnswerLogprobs
from training.trainer.arguments import training_arguments, training_numerics
from training.trainer.preference_losses import Answers, Compared, compare
from training.trainer.supervised import Along, EpochOrder, SupervisedTrainer, run_to_end
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


@dataclass
class Rewards:
    """How a model rates the two answers of some pairs: sums over them."""

    pairs: int = 0
    right: int = 0
    margin: float = 0.0

    def add(self, found: Compared) -> None:
        """Adds the pairs of a batch."""
        margins = found.margins.detach()
        self.pairs += len(margins)
        self.right += int((margins > 0).sum())
        self.margin += float(margins.sum())

    def means(self) -> dict[str, float]:
        """Share of the pairs whose better answer has the higher reward, and the mean difference of the two."""
        return {"reward_accuracy": self.right / self.pairs, "reward_margin": self.margin / self.pairs}


class PreferenceTrainer(SupervisedTrainer):
    """The project's trainer, for pairs: a step's loss is the mean over its pairs.

    Attributes:
        loss: What is made of a pair.
        logprobs: What has taken over the model's output layer.
    """

    loss_is_scaled_for_ga = False  # the mean over a batch: transformers divides it by the batches of a step
    measures = ("reward_accuracy", "reward_margin")
    loss: AnyLoss
    logprobs: AnswerLogprobs

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.rewards = self.dev_rewards = Rewards()

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, **named: Any
    ) -> torch.Tensor | tuple[torch.Tensor, Any]:
        """The mean loss of the pairs of a batch."""
        labels, references = inputs.pop("labels"), inputs.pop(REFERENCE, None)
        outputs = model(**inputs)
        found = self._compared(self.logprobs.of_rows(outputs, labels), (labels[:, 1:] != IGNORED).sum(1), references)
        (self.rewards if model.training else self.dev_rewards).add(found)
        loss = found.losses.mean()
        return (loss, outputs) if return_outputs else loss

    def _compared(self, logprobs: torch.Tensor, tokens: torch.Tensor, references: torch.Tensor | None) -> Compared:
        """The loss of the pairs whose better and worse answers are in turn the rows of a batch, each ``[batch]``."""
        better, worse = (
            Answers(logprobs[row::2], tokens[row::2], None if references is None else references[row::2])
            for row in (0, 1)
        )
        return compare(self.loss, better, worse)

    def log(self, logs: dict[str, float], *arguments: Any, **named: Any) -> None:
        """Adds what was measured since the last log."""
        if "loss" in logs:
            logs |= self.rewards.means()
            self.rewards = Rewards()
        super().log(logs, *arguments, **named)

    def evaluation_loop(self, *arguments: Any, **named: Any) -> Any:
        """Adds the rewards on the dev split; its loss is the mean over pairs."""
        self.dev_rewards = Rewards()
        output = super().evaluation_loop(*arguments, **named)
        output.metrics.update({f"eval_{name}": value for name, value in self.dev_rewards.means().items()})
        return output

    def _weight(self, inputs: dict[str, Any]) -> int:
        self._counts(inputs)
        return len(inputs["labels"]) // 2

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        pairs = self.train_dataset
        assert isinstance(pairs, PairRows)
        return EpochOrder(pairs.lengths, self.args.seed, epoch=lambda: int(self.state.epoch or 0), group=None)
