"""What a method adds to training besides what is trained: steps of its own, and what only a resume needs."""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import TrainerCallback

FILE = "companion.safetensors"


class Companion(TrainerCallback):
    """Restores what is trained from a checkpoint by itself.

    Peft saves what a result is loaded from. That may be less than what is trained: a prompt, and not the encoder that
    makes it; some ranks of an adapter, and not those that may return.

    Args:
        model: The model in training.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def state(self) -> dict[str, torch.Tensor]:
        """Everything that a resumed run needs, by name."""
        return {name: values.detach() for name, values in self.model.named_parameters() if values.requires_grad}

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Puts the values of a state back."""
        with torch.no_grad():
            for name, values in self.model.named_parameters():
                if values.requires_grad:
                    values.copy_(state[name])

    def save(self, checkpoint: Path) -> None:
        """Writes the state into a checkpoint."""
        save_file({name: values.contiguous() for name, values in self.state().items()}, checkpoint / FILE)

    def load(self, checkpoint: Path) -> None:
        """Reads it back."""
        self.restore(load_file(checkpoint / FILE))
