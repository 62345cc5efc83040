"""A thread that delivers what requests leave behind, so that no answer waits for it or fails with it."""

import queue
import threading
from collections.abc import Callable, Sequence
from itertools import chain, repeat
from typing import Generic, TypeVar

from loguru import logger

Item = TypeVar("Item")

CAPACITY = 10_000
"""Items that may wait; further ones are lost, and the log says so."""


class Undelivered(Exception):
    """An item was not delivered; the message has nothing of it."""


class Outbox(Generic[Item]):
    """Delivers items in their order, in a thread of its own.

    Args:
        name: What it is for, in the log.
        deliver: Delivers one item; raises ``Undelivered`` where it cannot.
        pauses: Seconds before each further attempt.
        id_of: The id of an item, for the log.
        gives_up: Whether an item is lost after the last attempt; else the last pause repeats until the service stops.
    """

    def __init__(
        self,
        name: str,
        deliver: Callable[[Item], None],
        pauses: Sequence[float],
        id_of: Callable[[Item], str],
        gives_up: bool = True,
    ) -> None:
        self._name, self._deliver, self._id_of = name, deliver, id_of
        self._pauses, self._gives_up = pauses, gives_up
        self._waiting: queue.Queue[Item] = queue.Queue(CAPACITY)
        self._unfinished = 0
        self._changed = threading.Condition()
        self._closing = threading.Event()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def put(self, item: Item) -> None:
        """Accepts an item; returns at once, whatever becomes of it."""
        with self._changed:
            try:
                self._waiting.put_nowait(item)
                self._unfinished += 1
            except queue.Full:
                logger.error("{}: {} is lost, {} others wait", self._name, self._id_of(item), CAPACITY)

    def close(self, seconds: float) -> None:
        """Delivers what waits, without further pauses, for at most so many seconds; the log says what is left."""
        self._closing.set()
        with self._changed:
            self._changed.wait_for(lambda: self._unfinished == 0, seconds)
            if self._unfinished:
                logger.error("{}: {} are lost, because the service stops", self._name, self._unfinished)

    def _work(self) -> None:
        while True:
            self._attempt(self._waiting.get())
            with self._changed:
                self._unfinished -= 1
                self._changed.notify_all()

    def _attempt(self, item: Item) -> None:
        for pause in chain(self._pauses, (None,) if self._gives_up else repeat(self._pauses[-1])):
            is_last = pause is None or (self._closing.is_set() and not self._gives_up)
            try:
                return self._deliver(item)
            except Undelivered as error:
                left = "" if is_last else f"; next attempt in {pause:g} s"
                logger.error("{}: {} not delivered: {}{}", self._name, self._id_of(item), error, left)
                if is_last:
                    break
                self._closing.wait(pause)
            except Exception as error:  # the thread must outlive any item; a message could hold the item's text
                logger.error("{}: {} not delivered: {}", self._name, self._id_of(item), type(error).__name__)
                break
        return None
