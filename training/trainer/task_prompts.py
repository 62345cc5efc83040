"""The prompts of several tasks in training: each is a shared prompt, scaled by a product of two vectors of the task."""

from collections.abc import Sequence

import torch
from peft.tuners.multitask_prompt_tuning import MultitaskPromptEmbedding
from torch import nn


class TaskPrompts(MultitaskPromptEmbedding):
    """Peft's prompts, with its values under its names.

    Vectors start as ones, so that every task begins with the shared prompt itself; peft's own start makes it almost
    zero. Who does not say a task gets the prompt of the first.

    Args:
        prompts: Peft's.
        tasks: Names of the tasks; empty for one without a name.
    """

    def __init__(self, prompts: MultitaskPromptEmbedding, tasks: Sequence[str]) -> None:
        nn.Module.__init__(self)
        self.tasks = list(tasks) or [""]
        self.embedding = prompts.embedding
        self.prefix_task_cols, self.prefix_task_rows = prompts.prefix_task_cols, prompts.prefix_task_rows
        for vectors in (self.prefix_task_cols, self.prefix_task_rows):
            nn.init.ones_(vectors)

    def forward(self, indices: torch.Tensor, task_ids: torch.Tensor | None = None) -> torch.Tensor:
        """Prompts ``[batch, prompt_length, hidden]``."""
        if task_ids is None:
            task_ids = torch.zeros(len(indices), dtype=torch.long, device=indices.device)
        shared: torch.Tensor = self.embedding(indices)
        return shared * (self.prefix_task_cols[task_ids] @ self.prefix_task_rows[task_ids])

    def of(self, task: int) -> torch.Tensor:
        """The prompt of a task, ``[prompt_length, hidden]``, on the CPU."""
        with torch.no_grad():
            scaled = self.embedding.weight * (self.prefix_task_cols[task] @ self.prefix_task_rows[task])
        return scaled.cpu().contiguous()
