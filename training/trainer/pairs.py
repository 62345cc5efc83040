"""The project's trainer, for pairs of a better and a worse answer; it logs how the model rates the two."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.data import Sampler

from training.batches.pairs import REFERENCE, PairRows
from training.trainer.preference_losses import Compared
from training.trainer.supervised import EpochOrder, SupervisedTrainer


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


class PairTrainer(SupervisedTrainer):
    """Trains on pairs: a step's loss is the mean over its pairs, whose answers are in turn the rows of a batch."""

    loss_is_scaled_for_ga = False  # the mean over a batch: transformers divides it by the batches of a step
    measures = ("reward_accuracy", "reward_margin")

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.rewards = self.dev_rewards = Rewards()

    @abstractmethod
    def compared(self, outputs: Any, labels: torch.Tensor, references: torch.Tensor | None) -> Compared:
        """What the pairs of a batch cost.

        Args:
            outputs: Of the model, for the rows.
            labels: ``[batch, seq]``, ``IGNORED`` where nothing is supervised.
            references: What the base says of each row, ``[batch]``; None where it is not asked.
        """

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, **named: Any
    ) -> torch.Tensor | tuple[torch.Tensor, Any]:
        """The mean loss of the pairs of a batch."""
        labels, references = inputs.pop("labels"), inputs.pop(REFERENCE, None)
        outputs = model(**inputs)
        found = self.compared(outputs, labels, references)
        (self.rewards if model.training else self.dev_rewards).add(found)
        loss = found.losses.mean()
        return (loss, outputs) if return_outputs else loss

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
