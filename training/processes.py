"""The processes that train one run together, one per GPU, as ``torchrun`` or ``accelerate launch`` start them.

They share training alone. The dataset, the base, the run directory, the result and its report are the work of the
first one: the others wait for what it has built, train on their part of every batch, and end.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import NamedTuple, TypeVar

import torch
from accelerate import PartialState
from torch import distributed

from common.errors import UserError

T = TypeVar("T")

WAITING = timedelta(days=2)
"""The others wait while the first process builds a dataset and a base, and while it asks dev questions."""


def count() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def on_this_machine() -> int:
    """How many of them share this machine's memory."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this is the process that writes; where there is one, it is."""
    return os.environ.get("RANK", "0") == "0"


def refuse(what: str) -> None:
    """Ends a run of several processes that only one can do.

    Raises:
        UserError: There are several.
    """
    if count() > 1:
        raise UserError(
            f"{count()} processes were started, and this is a run of one: {what}",
            where="torchrun",
            fix="start it as python training/run.py …; several GPUs: one run on each (CUDA_VISIBLE_DEVICES=1 python "
            "training/run.py …), e.g. one value of a sweep on each",
        )


@contextmanager
def first_before_others() -> Iterator[None]:
    """What is built once: the first process does it, and the others then find it."""
    if count() == 1:
        yield
        return
    if not is_first():
        _joined().wait_for_everyone()
    yield
    if is_first():
        _joined().wait_for_everyone()


def from_first(value: T | None = None) -> T | None:
    """What the first process has decided; the others give nothing."""
    if count() == 1:
        return value
    values = [value]
    distributed.broadcast_object_list(values, device=_joined().device)
    return values[0]


def gathered(value: T) -> list[T]:
    """What each of the processes has, in their order."""
    if count() == 1:
        return [value]
    values: list[T] = [value] * count()
    distributed.all_gather_object(values, value)
    return values


def summed(*values: float) -> list[float]:
    """The sums of numbers over the processes."""
    if count() == 1:
        return list(values)
    numbers = torch.tensor(values, dtype=torch.float64, device=_joined().device)
    distributed.all_reduce(numbers)
    found: list[float] = numbers.tolist()
    return found


class StepShare(NamedTuple):
    """The part of an optimiser step that each process takes.

    Attributes:
        rows: Rows of a batch of each process.
        window: Batches of a step.
    """

    rows: int
    window: int

    @property
    def step(self) -> int:
        """Rows of a step, with those that hold nothing."""
        return self.rows * self.window * count()


def share(rows: int, window: int) -> StepShare:
    """Divides an optimiser step, which has as many rows whatever the number of processes is.

    Args:
        rows: Rows of a batch, where there is one process; no process takes more at once.
        window: Batches of a step.

    Raises:
        UserError: There are more processes than rows.
    """
    if rows * window < count():
        raise UserError(
            f"an optimiser step has {rows * window} rows, fewer than there are processes ({count()})",
            where="train.batch_size",
            fix="raise train.batch_size or train.gradient_accumulation, or start fewer processes",
        )
    each = -(-rows * window // count())
    batches = -(-each // rows)
    return StepShare(-(-each // batches), batches)


def leave() -> None:
    """Training is done: the first process goes on alone, and is one from then on."""
    if count() > 1:
        _joined().wait_for_everyone()
        distributed.destroy_process_group()
        for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
            os.environ.pop(name, None)


@cache
def _joined() -> PartialState:
    return PartialState(cpu=not torch.cuda.is_available(), timeout=WAITING)
