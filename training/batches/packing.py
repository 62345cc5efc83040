"""Rows of the training batch: packed (several examples in a row) or padded (one example in a row).

Packed examples are kept apart by their positions: each starts at 0, there is no attention mask and no cache, and
the attention layers build a block-diagonal mask from that (``tests/training/batches/test_packing.py`` proves that the
packed loss is the sum of the single ones). A prefix is visible to every example of a row: such methods pad instead.
"""

import random
from collections.abc import Sequence
from typing import Any

import torch

from models.prompt_format import Rendered

IGNORED = -100  # label that the loss skips
ROW_STEP = 64  # row lengths are multiples of this
TOKENS = "tokens"
"""Key of a batch: how many tokens of each row are not padding, ``[batch]``. It is for the counts, not for the model."""

Row = list[Rendered]


class TaskRow(list[Rendered]):
    """A row of one example, which belongs to a task.

    Args:
        example: The example.
        task: Number of the task.
    """

    def __init__(self, example: Rendered, task: int) -> None:
        super().__init__([example])
        self.task = task


TASKS = "task_ids"
"""Key of a batch, by peft's name: the number of each row's task, ``[batch]``; only where rows have one."""

EMPTY = -1
"""Number of a row that holds nothing: it fills the batches of several processes up."""


def pack(rendered: Sequence[Rendered], length: int, seed: int) -> list[Row]:
    """Best-fit-decreasing packing: every example whole in one row, rows of at most ``length`` tokens.

    Args:
        rendered: Examples of at most ``length`` tokens each.
        length: Tokens of a row.
        seed: Order of the rows and of the examples in a row.

    Returns:
        Rows; each example is in exactly one of them.
    """
    order = random.Random(seed)
    examples = list(rendered)
    order.shuffle(examples)
    examples.sort(key=lambda r: -len(r.ids))  # stable: equal lengths stay shuffled
    rows: list[Row] = []
    open_rows: dict[int, list[Row]] = {}  # free tokens -> rows
    for example in examples:
        need = len(example.ids)
        free = min((space for space, there in open_rows.items() if space >= need and there), default=None)
        if free is None:
            rows.append([])
            row, free = rows[-1], length
        else:
            row = open_rows[free].pop()
        row.append(example)
        open_rows.setdefault(free - need, []).append(row)
    for row in rows:
        order.shuffle(row)
    order.shuffle(rows)
    return rows


def row_length(rendered: Sequence[Rendered], longest: int) -> int:
    """Tokens of a packed row: as few as hold the longest example.

    Attention compares every token of a row with every other, so longer rows would only compute what is then masked.

    Args:
        rendered: Examples of at most ``longest`` tokens each.
        longest: Tokens that an example may have.
    """
    needed = max(len(r.ids) for r in rendered)
    return min(longest, -(-needed // ROW_STEP) * ROW_STEP)


def collate_packed(rows: Sequence[Row]) -> dict[str, torch.Tensor]:
    """Batch of packed rows.

    Returns:
        ``input_ids``, ``labels`` and ``position_ids``, each ``[batch, seq]``, and ``tokens``. Padding at the end of a
        row is a separate sequence (positions from 0, no labels).
    """
    longest = max(sum(len(r.ids) for r in row) for row in rows)
    batch: dict[str, list[Any]] = {"input_ids": [], "labels": [], "position_ids": [], TOKENS: []}
    for row in rows:
        ids = [token for r in row for token in r.ids]
        labels = [label for r in row for label in _labels(r)]
        positions = [position for r in row for position in range(len(r.ids))]
        padding = longest - len(ids)
        batch["input_ids"].append(ids + [0] * padding)
        batch["labels"].append(labels + [IGNORED] * padding)
        batch["position_ids"].append(positions + list(range(padding)))
        batch[TOKENS].append(_tokens(row))
    return {name: torch.tensor(values) for name, values in batch.items()}


def collate_padded(rows: Sequence[Row]) -> dict[str, torch.Tensor]:
    """Batch of single examples, padded on the right.

    Returns:
        ``input_ids``, ``labels`` and ``attention_mask``, each ``[batch, seq]``, and ``tokens``; ``task_ids`` where
        rows belong to tasks.
    """
    longest = max(len(row[0].ids) for row in rows)
    batch: dict[str, list[Any]] = {"input_ids": [], "labels": [], "attention_mask": [], TOKENS: []}
    for row in rows:
        (example,) = row
        padding = longest - len(example.ids)
        batch["input_ids"].append(example.ids + [0] * padding)
        batch["labels"].append(_labels(example) + [IGNORED] * padding)
        batch["attention_mask"].append([1] * len(example.ids) + [0] * padding)
        batch[TOKENS].append(_tokens(row))
    if any(isinstance(row, TaskRow) for row in rows):
        batch[TASKS] = [row.task if isinstance(row, TaskRow) else 0 for row in rows]
    return {name: torch.tensor(values) for name, values in batch.items()}


_NOTHING = Rendered([0], [0])


def _tokens(row: Row) -> int:
    return sum(len(r.ids) for r in row if r is not _NOTHING)


def _labels(rendered: Rendered) -> list[int]:
    # the first token of an example is never predicted: in a packed row another example precedes it
    labels = [token if mask else IGNORED for token, mask in zip(rendered.ids, rendered.mask, strict=True)]
    labels[0] = IGNORED
    return labels


class Rows(torch.utils.data.Dataset[Any]):
    """Rows as the trainer's data loader expects them; ``lengths`` lets it batch rows of similar length."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self.lengths = [sum(len(r.ids) for r in row) for row in rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Row:
        return [_NOTHING] if index == EMPTY else self.rows[index]
