"""How many threads compute: as many as there are free cores, followed while the work runs.

The threads of one operation wait for the slowest of them. Two threads on two cores, one of them kept busy by another
process, were measured at a sixth of the speed of one thread alone; so a core that others keep busy is left to them, and
reclaimed when they end. ``threads=N`` (or ``OMP_NUM_THREADS``) fixes the number: sums are then computed in the same
order whatever else the machine does.
"""

import os
import time
from dataclasses import dataclass, field

import psutil
import torch
from loguru import logger

from common.machine import allowed_cores, own_cores

INTERVAL = 2.0  # seconds between two checks of the machine


@dataclass
class _Seen:
    """Seconds of processor time, counted since the machine and the process began."""

    at: float
    busy: float
    own: float


@dataclass
class Threads:
    """The threads of this process.

    Attributes:
        fixed: The user's number; None follows the machine.
    """

    fixed: int | None = None
    _last: _Seen | None = field(default=None, init=False)
    _wanted: int | None = field(default=None, init=False)

    def use(self, fixed: int | None) -> None:
        """Uses the user's number, or from now on the machine's."""
        self.fixed = fixed if fixed is not None else _of_environment()
        self._last = self._wanted = None
        torch.set_num_threads(self.fixed or allowed_cores())
        if self.fixed is None:
            self._begin()

    def follow(self) -> None:
        """Uses as many threads as there are free cores; call it often, e.g. before each step."""
        if self.fixed is not None:
            return
        if self._last is None or time.monotonic() - self._last.at > INTERVAL:
            self._adjust()

    def _begin(self) -> None:
        self._last = _look_at_machine()
        time.sleep(INTERVAL / 5)  # long enough to see whether other processes are computing
        self._wanted = self._free()
        torch.set_num_threads(self._wanted)
        logger.info("threads: {} of {} cores", self._wanted, allowed_cores())

    def _adjust(self) -> None:
        free = self._free()
        # two checks in a row must agree: a short burst of other work is not worth a change
        if free == self._wanted and free != torch.get_num_threads():
            logger.info("threads: {} -> {}, after other work on the cores", torch.get_num_threads(), free)
            torch.set_num_threads(free)
        self._wanted = free

    def _free(self) -> int:
        """Free cores since the last check."""
        last, seen = self._last, _look_at_machine()
        self._last = seen
        if last is None:
            return torch.get_num_threads()
        others = max(0.0, (seen.busy - last.busy) - (seen.own - last.own)) / (seen.at - last.at)
        return max(1, min(allowed_cores(), len(own_cores()) - round(others)))


def _look_at_machine() -> _Seen:
    cores = psutil.cpu_times(percpu=True)
    # low-priority work yields, so its time counts as free
    busy = sum(cores[core].user + cores[core].system for core in own_cores())
    own = psutil.Process().cpu_times()
    return _Seen(time.monotonic(), busy, own.user + own.system)


def _of_environment() -> int | None:
    number = os.environ.get("OMP_NUM_THREADS", "")
    return int(number) if number.isdigit() and int(number) > 0 else None


THREADS = Threads()
"""The instance of this process: call ``use`` when a command starts, ``follow`` where it computes."""
