"""The schedule of AdaLoRA (arXiv:2303.10512): after every optimiser step the least important ranks are taken away."""

from typing import Any

import torch
from peft import PeftModel
from transformers import TrainerControl, TrainerState, TrainingArguments

from training.trainer.companion import Companion

SENSITIVITY, UNCERTAINTY = "sensitivity/", "uncertainty/"
"""Before the names of the two running means that importance is made of."""


class RankSchedule(Companion):
    """Takes the least important ranks away after every step, on the schedule of the paper.

    Peft would drop them from every checkpoint, although training may still give them back; so it learns of them only
    when the result is saved.

    Args:
        model: The model in training.
        full_share: Share of the steps before the rank falls.
        fixed_share: Share of the steps at the end, with the ranks of the result.
        orthogonality: Weight of the penalty.
    """

    def __init__(self, model: PeftModel, full_share: float, fixed_share: float, orthogonality: float) -> None:
        super().__init__(model)
        self.full_share, self.fixed_share, self.orthogonality = full_share, fixed_share, orthogonality
        self.adalora: Any = model.base_model
        (self.settings,) = self.adalora.peft_config.values()
        self.allocator = self.adalora.rankallocator
        self.left: dict[str, list[bool]] | None = None

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """The schedule follows the planned steps."""
        self.settings.total_step = state.max_steps
        self.settings.tinit = int(self.full_share * state.max_steps)
        self.settings.tfinal = int(self.fixed_share * state.max_steps)
        if state.global_step:
            self.left = ranks_left(self.model)

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Adds the gradient of the penalty; the logged loss does not have it."""
        (self.orthogonality * penalty(self.model)).backward()

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **named: Any
    ) -> None:
        """Takes ranks away, while the gradients that importance is made of are still there.

        Those of a step that overflowed in float16, and was skipped, are no numbers: they say nothing about importance.
        """
        if named["optimizer"].step_was_skipped:
            for values in self.model.parameters():
                if values.grad is not None:
                    values.grad.zero_()
        self.settings.rank_pattern = self.left
        self.adalora.update_and_allocate(state.global_step + 1)
        self.left, self.settings.rank_pattern = self.settings.rank_pattern, None

    def state(self) -> dict[str, torch.Tensor]:
        """Also what importance was until now; see ``Companion.state``."""
        means = ((SENSITIVITY, self.allocator.exp_avg_ipt), (UNCERTAINTY, self.allocator.exp_avg_unc))
        return super().state() | {prefix + name: mean for prefix, found in means for name, mean in found.items()}

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """See ``Companion.restore``."""
        super().restore(state)
        device = next(self.model.parameters()).device
        for prefix, means in ((SENSITIVITY, self.allocator.exp_avg_ipt), (UNCERTAINTY, self.allocator.exp_avg_unc)):
            found = {name: values for name, values in state.items() if name.startswith(prefix)}
            means.update({name.removeprefix(prefix): values.to(device) for name, values in found.items()})
        self.allocator.ipt = {name: torch.zeros_like(mean) for name, mean in self.allocator.exp_avg_ipt.items()}


def penalty(model: torch.nn.Module) -> torch.Tensor:
    """How far the rows of A, and the columns of B, are from orthonormal: the mean Frobenius norm."""
    found = []
    for name, values in model.named_parameters():
        if "lora_A" in name or "lora_B" in name:
            products = values @ values.T if "lora_A" in name else values.T @ values
            found.append(torch.linalg.matrix_norm(products - torch.eye(len(products), device=products.device)))
    return torch.stack(found).mean()


def ranks_left(model: PeftModel) -> dict[str, list[bool]]:
    """Which ranks of every layer are not zero, under peft's names."""
    inner: Any = model.base_model
    return {
        name: (values != 0).flatten().tolist() for name, values in inner.model.named_parameters() if "lora_E" in name
    }
