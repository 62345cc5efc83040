"""The project's trainer, for answers that are judged; it logs how the model rates them."""

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from training.trainer.preference_losses import Compared
from training.trainer.supervised import SupervisedTrainer


class Means:
    """Means of what is measured of items, over several batches."""

    def __init__(self) -> None:
        self.items = 0
        self.sums: defaultdict[str, float] = defaultdict(float)

    def add(self, measured: Mapping[str, torch.Tensor]) -> None:
        """Adds the items of a batch, ``[items]`` of each measure."""
        self.items += len(next(iter(measured.values())))
        for name, values in measured.items():
            self.sums[name] += float(values.detach().sum())

    def of(self, prefix: str = "") -> dict[str, float]:
        """The means, by prefix and name."""
        return {f"{prefix}{name}": total / self.items for name, total in self.sums.items()}


class JudgedTrainer(SupervisedTrainer):
    """Trains on judged answers: a step's loss is the mean over its items."""

    loss_is_scaled_for_ga = False  # the mean over a batch: transformers divides it by the batches of a step
    measures: tuple[str, ...] = ("reward_accuracy", "reward_margin")

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.means = self.dev_means = Means()

    @abstractmethod
    def compared(self, model: nn.Module, inputs: dict[str, Any]) -> Compared:
        """What the items of a batch cost."""

    def measured(self, found: Compared) -> dict[str, torch.Tensor]:
        """Whether each item is rated rightly, and by how much; ``[items]`` each."""
        return {"reward_accuracy": found.margins > 0, "reward_margin": found.margins}

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, **named: Any
    ) -> torch.Tensor | tuple[torch.Tensor, dict[str, Any]]:
        """The mean loss of the items of a batch."""
        found = self.compared(model, inputs)
        (self.means if model.training else self.dev_means).add(self.measured(found))
        loss = found.losses.mean()
        return (loss, {}) if return_outputs else loss

    def log(self, logs: dict[str, float], *arguments: Any, **named: Any) -> None:
        """Adds what was measured since the last log."""
        if "loss" in logs:
            logs |= self.means.of()
            self.means = Means()
        super().log(logs, *arguments, **named)

    def evaluation_loop(self, *arguments: Any, **named: Any) -> Any:
        """Adds the rewards on the dev split; its loss is the mean over items."""
        self.dev_means = Means()
        output = super().evaluation_loop(*arguments, **named)
        output.metrics.update(self.dev_means.of("eval_"))
        return output
