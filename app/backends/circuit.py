"""Whether a server is asked: not while it fails, so that nobody waits for it and it is not asked all the more."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

from app.metrics import CIRCUIT_OPEN, UPSTREAM_FAILURES

FAILURES = 3
"""Failures in a row that open the circuit."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds before the first trial; each further one waits twice as long."""

RETRY_SHARE, RETRIES_SAVED = 0.1, 10.0
"""Retries per request, and how many may be saved up: a server that is down gets no second load."""


class Circuit:
    """Closed, requests go through. ``FAILURES`` in a row open it; then the server is tried, again and again, by one
    short request of our own, until one succeeds. No request of a user is a trial.

    Args:
        trial: Asks the server; returns whether it answers as it should.
    """

    def __init__(self, trial: Callable[[], Awaitable[bool]]) -> None:
        self._trial = trial
        self._failures = 0
        self._trying: asyncio.Task[None] | None = None
        self._next_trial = 0.0
        self._retries = RETRIES_SAVED

    @property
    def is_open(self) -> bool:
        """Whether requests are refused."""
        return self._trying is not None

    @property
    def retry_after(self) -> int:
        """When to try again, in seconds."""
        return max(1, math.ceil(self._next_trial - time.monotonic()))

    def succeeded(self) -> None:
        """Notes that the server answered a request."""
        self._failures = 0

    def failed(self) -> None:
        """Notes that it did not; the last straw opens the circuit."""
        self._failures += 1
        UPSTREAM_FAILURES.inc()
        if self._failures >= FAILURES:
            self.open()

    def open(self) -> None:
        """Refuses requests until a trial succeeds."""
        if self._trying is None:
            CIRCUIT_OPEN.set(1)
            self._trying = asyncio.create_task(self._try())

    def may_retry(self) -> bool:
        """Takes a retry from what is saved, where there is one and the circuit is closed."""
        if self.is_open or self._retries < 1:
            return False
        self._retries -= 1
        return True

    def save_retry(self) -> None:
        """Adds to the retries, with each request."""
        self._retries = min(RETRIES_SAVED, self._retries + RETRY_SHARE)

    async def close(self) -> None:
        """Ends the trials."""
        if self._trying:
            self._trying.cancel()
            await asyncio.wait([self._trying])

    async def _try(self) -> None:
        pause = FIRST_PAUSE
        while True:
            self._next_trial = time.monotonic() + pause
            await asyncio.sleep(pause)
            if await self._trial():
                break
            pause = min(2 * pause, LONGEST_PAUSE)
        self._failures, self._trying = 0, None
        CIRCUIT_OPEN.set(0)
