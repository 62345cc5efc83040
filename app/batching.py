"""A bounded queue in front of an engine, and the one thread that runs its batches.

The event loop only ever puts requests into the queue and receives their text; generating happens in the thread. A batch
is what is waiting and may run together when the thread is free: requests that agree in temperature and top_p. A sampled
request with a seed runs alone, because its random numbers would otherwise depend on its neighbours.
"""

import asyncio
import math
import threading
import time
import traceback
from collections.abc import AsyncIterator
from itertools import islice

from loguru import logger

from app.config import ServeConfig
from app.errors import ApiError
from common.errors import UserError
from models.engines.engine import Completion, Conversation, Engine, Sampling


class Generation:
    """One request on its way through the queue: its text while it grows, then its completion."""

    completion: Completion

    def __init__(self, conversation: Conversation, sampling: Sampling) -> None:
        self.conversation, self.sampling = conversation, sampling
        self.arrived = time.monotonic()
        self.cancelled = False
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[str | Completion | ApiError] = asyncio.Queue()

    async def pieces(self) -> AsyncIterator[str]:
        """The text piece by piece; ``completion`` is there when it has ended.

        Raises:
            ApiError: The engine failed.
        """
        while isinstance(event := await self._events.get(), str):
            yield event
        if isinstance(event, ApiError):
            raise event
        self.completion = event

    async def finished(self) -> Completion:
        """Waits for the completion.

        Raises:
            ApiError: The engine failed.
        """
        async for _ in self.pieces():
            pass
        return self.completion

    def put(self, event: str | Completion | ApiError) -> None:
        """Hands an event from the engine's thread to the event loop."""
        self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    def runs_with(self, other: "Generation") -> bool:
        """Whether both may be rows of one batch."""
        mine, others = self.sampling, other.sampling
        return self is other or (
            mine.seed is None
            and others.seed is None
            and (mine.temperature, mine.top_p) == (others.temperature, others.top_p)
        )


class BatchQueue:
    """Runs generations on an engine, in batches, in the order of their arrival.

    Args:
        engine: Generates in this queue's thread alone.
        config: Sizes and waiting times.
    """

    def __init__(self, engine: Engine, config: ServeConfig) -> None:
        self.engine, self.config = engine, config
        self.has_generated = False
        self.draining = False
        self._waiting: list[Generation] = []
        self._running: list[Generation] = []
        self._batch_seconds = 1.0
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)

    def start(self) -> None:
        """Starts the engine's thread."""
        self._thread.start()

    async def submit(self, conversation: Conversation, sampling: Sampling) -> Generation:
        """Queues a conversation; whoever submits also calls ``cancel`` when the answer is no longer wanted.

        Args:
            conversation: Ends with a user turn.
            sampling: How to answer it.

        Raises:
            ApiError: 400, the prompt leaves no room for an answer; 503, the queue is full or the service is stopping.
        """
        await self._check_room(conversation)
        generation = Generation(conversation, sampling)
        with self._changed:
            if self.draining:
                raise _stopping()
            if len(self._waiting) >= self.config.queue_limit:
                raise _unavailable("too many requests are waiting", "overloaded", self._seconds_until_room())
            self._waiting.append(generation)
            self._changed.notify_all()
        return generation

    def cancel(self, generation: Generation) -> None:
        """Takes a generation out of the queue, or ends its row at the next token; harmless when it has ended."""
        generation.cancelled = True
        with self._changed:
            if generation in self._waiting:
                self._waiting.remove(generation)

    def drain(self) -> None:
        """Refuses new requests from now on; accepted ones are still answered."""
        self.draining = True

    @property
    def busy(self) -> bool:
        """Whether requests are running or waiting."""
        with self._changed:
            return bool(self._waiting or self._running)

    async def close(self) -> None:
        """Cancels what is left and ends the thread."""
        self.drain()
        with self._changed:
            self._closed = True
            for generation in self._waiting:
                generation.put(_stopping())
            for generation in self._running:
                generation.cancelled = True
            self._waiting = []
            self._changed.notify_all()
        await asyncio.to_thread(self._thread.join)

    async def _check_room(self, conversation: Conversation) -> None:
        try:
            tokens = await asyncio.to_thread(self.engine.count_prompt_tokens, conversation)
        except UserError as error:  # e.g. two user turns in a row, which this model's prompt format has no way to write
            raise ApiError(400, error.problem, code="unsupported_conversation", param="messages") from None
        if tokens >= self.engine.context_length:
            raise ApiError(
                400,
                f"the prompt has {tokens} tokens and the model's context {self.engine.context_length}; shorten it",
                code="context_length_exceeded",
                param="messages",
            )

    def _seconds_until_room(self) -> int:
        batches = math.ceil(len(self._waiting) / self.config.max_batch)
        return max(1, math.ceil(batches * self._batch_seconds))

    def _work(self) -> None:
        while batch := self._take_batch():
            started = time.monotonic()
            self._run(batch)
            self._batch_seconds = time.monotonic() - started

    def _take_batch(self) -> list[Generation]:
        """Waits for requests and makes them the running batch; empty when the queue was closed."""
        with self._changed:
            self._running = []
            while not self._running and not self._closed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                self._wait_for_company()
                self._running = self._first_batch()
                self._waiting = [generation for generation in self._waiting if generation not in self._running]
            return self._running

    def _wait_for_company(self) -> None:
        since = self._waiting[0].arrived if self._waiting else 0
        left = since + self.config.max_wait_ms / 1000 - time.monotonic()
        if left > 0:
            self._changed.wait_for(lambda: self._closed or len(self._first_batch()) == self.config.max_batch, left)

    def _first_batch(self) -> list[Generation]:
        alike = (generation for generation in self._waiting if generation.runs_with(self._waiting[0]))
        return list(islice(alike, self.config.max_batch))

    def _run(self, batch: list[Generation]) -> None:
        def on_text(row: int, text: str) -> bool:
            batch[row].put(text)
            return not batch[row].cancelled

        try:
            completions = self.engine.generate([g.conversation for g in batch], [g.sampling for g in batch], on_text)
        except Exception as error:
            # no message and no values: they may hold what a patient wrote
            frames = "".join(traceback.format_tb(error.__traceback__))
            logger.error("a batch of {} failed: {}\n{}", len(batch), type(error).__name__, frames)
            failure = ApiError(500, "the model failed on this request; try again", code="generation_failed")
            for generation in batch:
                generation.put(failure)
            return
        self.has_generated = True
        for generation, completion in zip(batch, completions, strict=True):
            generation.put(completion)


def answer_tokens(wanted: int | None, most: int) -> int:
    """How long an answer may be, by default the most that is allowed.

    Raises:
        ApiError: 400, more was asked for.
    """
    if wanted is not None and wanted > most:
        raise ApiError(400, f"an answer has at most {most} tokens here", code="max_tokens_exceeded", param="max_tokens")
    return wanted or most


def _stopping() -> ApiError:
    return _unavailable("the service is stopping", "stopping", retry_after=5)


def _unavailable(problem: str, code: str, retry_after: int) -> ApiError:
    headers = {"Retry-After": str(retry_after)}
    return ApiError(503, f"{problem}; try again in {retry_after} s", code=code, headers=headers)
