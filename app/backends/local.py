"""The local backend: a bounded queue in front of an engine, and the threads that wait for its answers.

The event loop only ever puts requests into the queue and receives their text; generating happens in threads, one for
each request that runs. Prompts of several threads are batched by the engine, where they join and leave at any token.
"""

import asyncio
import math
import threading
import time
from collections.abc import Sequence
from functools import partial

from app.backends.backend import (
    AnswerEvents,
    BackendError,
    ChatTurn,
    GenerationFailed,
    Overloaded,
    PromptTooLong,
    Stopping,
    UnsupportedSampling,
    in_thread,
    log_failure,
)
from app.config import ServeConfig
from app.metrics import QUEUE_SECONDS
from app.tracing import INPUT_TOKENS, OUTPUT_TOKENS, TRACING
from common.errors import UserError
from models.conversation import Conversation, Prompt
from models.engines.engine import Completion, Engine, Sampling


class Generation(AnswerEvents):
    """One request in the queue; see ``AnswerStream``."""

    def __init__(self, prompt: Prompt, sampling: Sampling, queue: "LocalBackend") -> None:
        super().__init__()
        self.prompt, self.sampling, self.queue = prompt, sampling, queue
        self.arrived = time.monotonic()
        self.cancelled = False
        self._loop = asyncio.get_running_loop()
        self._span = TRACING.call("generate")

    def cancel(self) -> None:
        """See ``AnswerStream``."""
        self.queue.cancel(self)

    def put(self, event: str | Completion | BackendError) -> None:
        """Hands an event from the engine's thread to the event loop; the last one ends the span."""
        if not isinstance(event, str):
            if isinstance(event, Completion):
                self._span.set_attributes({INPUT_TOKENS: event.prompt_tokens, OUTPUT_TOKENS: event.completion_tokens})
            else:
                self._span.set_attribute("error.type", type(event).__name__)
            self._span.end()
        self._loop.call_soon_threadsafe(self._events.put_nowait, event)


class LocalBackend:
    """Runs generations on an engine, in the order of their arrival; see ``Backend``.

    Args:
        engine: Generates in this queue's threads alone.
        config: Sizes and waiting times.
    """

    def __init__(self, engine: Engine, config: ServeConfig) -> None:
        self.engine, self.config = engine, config
        self.has_generated = False
        self.draining = False
        self._waiting: list[Generation] = []
        self._running: list[Generation] = []
        self._seconds = 1.0  # that the newest answer took
        self._closed = False
        self._changed = threading.Condition()
        self._threads = [
            threading.Thread(target=self._work, name="engine", daemon=True) for _ in range(config.max_batch)
        ]

    async def start(self) -> None:
        """Starts the engine's threads with a warm-up request; the backend is ready when it is answered."""
        for thread in self._threads:
            thread.start()
        await self.stream([ChatTurn("user", "你好")], Sampling(max_new_tokens=1))

    @property
    def model_version(self) -> str:
        """See ``Backend.model_version``."""
        return self.engine.model_version

    @property
    def context_length(self) -> int:
        """See ``Backend.context_length``."""
        return self.engine.context_length

    async def count(self, conversation: Prompt) -> int:
        """See ``Backend.count``."""
        return await in_thread(self.engine.count_prompt_tokens, conversation)

    async def prompt_ids(self, conversation: Conversation) -> list[int]:
        """See ``Backend.prompt_ids``."""
        return await in_thread(self.engine.prompt_ids, conversation)

    async def encode(self, text: str, *, beginning: bool) -> list[int]:
        """See ``Backend.encode``."""
        return await in_thread(partial(self.engine.encode, beginning=beginning), text)

    async def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """See ``Backend.decode``."""
        return await in_thread(lambda rows: [self.engine.decode(ids) for ids in rows], rows)

    async def stream(self, prompt: Prompt, sampling: Sampling) -> Generation:
        """See ``Backend.stream``."""
        if sampling.logprobs is not None and not self.engine.gives_logprobs:
            raise UnsupportedSampling("logprobs")
        if sampling.response_format is not None:
            await self._check_schema(sampling.response_format)
        tokens = await self.count(prompt)
        if tokens >= self.engine.context_length:
            raise PromptTooLong(tokens, self.engine.context_length)
        generation = Generation(prompt, sampling, self)
        with self._changed:
            if self.draining:
                raise Stopping
            if len(self._waiting) >= self.config.queue_limit:
                raise Overloaded(self._seconds_until_room())
            self._waiting.append(generation)
            self._changed.notify()
        return generation

    async def _check_schema(self, schema: str) -> None:
        try:
            await asyncio.to_thread(self.engine.check_schema, schema)
        except UserError as error:
            raise UnsupportedSampling("response_format", error.problem) from None

    async def ready(self) -> bool:
        """See ``Backend.ready``."""
        if self.draining:
            raise Stopping
        return self.has_generated

    def cancel(self, generation: Generation) -> None:
        """Takes a generation out of the queue, or ends its row at the next token; harmless when it has ended.

        Whoever still reads it is told its end: of several answers the last ones may wait when the first is stopped.
        """
        generation.cancelled = True
        with self._changed:
            if generation in self._waiting:
                self._waiting.remove(generation)
                generation.put(Completion("", "cancelled", 0, 0))

    def drain(self) -> None:
        """Refuses new requests from now on; accepted ones are still answered."""
        self.draining = True

    @property
    def busy(self) -> bool:
        """Whether requests are running or waiting."""
        with self._changed:
            return bool(self._waiting or self._running)

    @property
    def waiting(self) -> int:
        """See ``Backend.waiting``."""
        return len(self._waiting)

    async def close(self) -> None:
        """Cancels the remaining requests and ends the threads."""
        self.drain()
        with self._changed:
            self._closed = True
            for generation in self._waiting:
                generation.put(Stopping())
            for generation in self._running:
                generation.cancelled = True
            self._waiting = []
            self._changed.notify_all()
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    def _seconds_until_room(self) -> int:
        rounds = math.ceil(len(self._waiting) / self.config.max_batch)
        return max(1, math.ceil(rounds * self._seconds))

    def _work(self) -> None:
        while generation := self._next():
            started = time.monotonic()
            self._run(generation)
            self._seconds = time.monotonic() - started
            with self._changed:
                self._running.remove(generation)

    def _next(self) -> Generation | None:
        """Waits for a request, which then runs; None when the queue is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return None
            generation = self._waiting.pop(0)
            self._running.append(generation)
            QUEUE_SECONDS.observe(time.monotonic() - generation.arrived)
            return generation

    def _run(self, generation: Generation) -> None:
        def on_text(row: int, text: str) -> bool:
            generation.put(text)
            return not generation.cancelled

        try:
            (completion,) = self.engine.generate([generation.prompt], [generation.sampling], on_text)
        except Exception as error:
            log_failure("an answer", error)
            generation.put(GenerationFailed())
            return
        self.has_generated = True
        generation.put(completion)
