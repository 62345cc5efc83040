"""Processes on this machine."""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain, islice
from threading import Thread

import pyarrow as pa
from loguru import logger

from common.machine import allowed_cores
from data_recipes.pipeline.executors.executor import ResultT, TaskT

AHEAD = 2  # tasks per process that are handed out before the first result is requested


class LocalExecutor:
    """A pool of processes; a single task runs in this process, since starting another would take longer.

    Args:
        workers: Number of processes; None is one per core.
    """

    def __init__(self, workers: int | None) -> None:
        self._workers = workers or allowed_cores()

    def run(self, function: Callable[[TaskT], ResultT], tasks: Iterable[TaskT]) -> Iterator[ResultT]:
        """Yields the results in the order of the tasks, which are fetched as processes become free."""
        left = iter(tasks)
        first = list(islice(left, 2))
        if len(first) < 2 or self._workers == 1 or not _can_share():
            yield from map(function, chain(first, left))
            return
        # not forked from here: Arrow has threads, which do not survive that; the server imports what is needed once
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([function.__module__])
        with ProcessPoolExecutor(self._workers, context, initializer=_prepare_process) as pool:
            waiting: deque[Future[ResultT]] = deque()
            try:
                for task in chain(first, left):
                    waiting.append(pool.submit(function, task))
                    if len(waiting) > AHEAD * self._workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


def _can_share() -> bool:
    """Whether processes can wait for each other: that needs semaphores, which some containers lack."""
    try:
        multiprocessing.get_context("forkserver").Lock()
    except OSError as error:
        logger.warning("one process reads and cleans: semaphores are missing here, is there a /dev/shm? ({})", error)
        return False
    return True


def _prepare_process() -> None:
    pa.set_cpu_count(1)  # the processes already share the cores
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends the pool
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed parent cannot end its processes: they would wait for tasks forever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
