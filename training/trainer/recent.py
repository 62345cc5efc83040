"""The batches since the last log: what a loss that is not a number was computed from."""

from pathlib import Path

import torch

from common.files import write_json


class RecentBatches:
    """Batches with their losses; these stay on the device until they are written, so no step waits for one."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, torch.Tensor, torch.Tensor]] = []

    def add(self, step: int, ids: torch.Tensor, loss: torch.Tensor) -> None:
        """Adds a batch.

        Args:
            step: The optimiser step that it is a part of.
            ids: Its token ids, ``[rows, seq]``.
            loss: Its part of the loss.
        """
        self.batches.append((step, ids, loss.detach()))

    def forget(self) -> None:
        """Forgets all: their losses were numbers."""
        self.batches.clear()

    def write(self, file: Path) -> None:
        """Writes them in their order; losses as text, as JSON has no NaN."""
        batches = [{"step": step, "loss": f"{loss.item():g}", "ids": ids.tolist()} for step, ids, loss in self.batches]
        write_json(file, {"batches": batches})
