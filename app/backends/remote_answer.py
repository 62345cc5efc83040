"""One answer of a server: it waits for its place, asks, passes the text on, and ends as an engine's answer ends."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from loguru import logger

from app.backends.backend import (
    AnswerEvents,
    BackendError,
    GenerationFailed,
    ModelMissing,
    Overloaded,
    Stopping,
    log_failure,
)
from app.backends.upstream import (
    AnswerPiece,
    Ended,
    Garbled,
    Rejected,
    RenderedPrompt,
    Stalled,
    Unreachable,
    UpstreamError,
)
from app.config import UpstreamConfig
from app.metrics import QUEUE_SECONDS
from models.engines.engine import Completion, FinishReason, Sampling
from models.engines.growing_text import GrowingText

if TYPE_CHECKING:
    from app.backends.remote import RemoteBackend

BUSY = (429, 503)
"""What a server answers that has too much to do."""
REFUSED_FOR_ALL = (401, 403, 404)
"""What it answers where no request would be answered: the key or the model is not as it was."""
GATEWAY = (502, 504)
"""What a proxy answers in the place of a server that is not there."""
DOWN = "the server that runs the model does not answer"


class RemoteAnswer(AnswerEvents):
    """An answer in progress; see ``AnswerStream``.

    Args:
        backend: Whose it is.
        prompt: What is asked.
        sampling: How.
    """

    def __init__(self, backend: "RemoteBackend", prompt: RenderedPrompt, sampling: Sampling) -> None:
        super().__init__()
        self.backend, self.prompt, self.sampling = backend, prompt, sampling
        self.said = GrowingText(sampling.repetition_detection, as_is=not prompt.is_conversation)
        self.task = asyncio.create_task(self._work())
        self.task.add_done_callback(self._end)

    def cancel(self) -> None:
        """See ``AnswerStream``; the server notices by its connection."""
        self.task.cancel()

    async def _work(self) -> Completion | BackendError:
        try:
            return await self._in_turn()
        except BackendError as error:
            return error
        except Exception as error:
            log_failure("an answer", error)
            return GenerationFailed()

    def _end(self, task: asyncio.Task[Completion | BackendError]) -> None:
        """Hands out the last event; a task that is cancelled early never ran."""
        self.backend.ended(self)
        if not task.cancelled():
            self._events.put_nowait(task.result())
        elif self.backend.draining and not self.said.tokens:
            self._events.put_nowait(Stopping())
        else:
            self._events.put_nowait(self._completion("cancelled"))

    async def _in_turn(self) -> Completion:
        arrived = time.monotonic()
        async with self.backend.places:
            began = time.monotonic()
            QUEUE_SECONDS.observe(began - arrived)
            completion = await self._with_retries()
            self.backend.seconds = time.monotonic() - began
            return completion

    async def _with_retries(self) -> Completion:
        circuit = self.backend.circuit
        for left in reversed(range(self.backend.times.retries + 1)):
            try:
                completion = await self._answer()
                circuit.succeeded()
                return completion
            except UpstreamError as error:
                lost = isinstance(error, Unreachable) or (isinstance(error, Rejected) and error.status in GATEWAY)
                again = left and lost and not self.said.tokens and circuit.may_retry()
                logger.warning("{}: {}{}", self.backend.times.root, error, "; once more" if again else "")
                if not again:
                    raise self._as_backend_error(error) from None
            await asyncio.sleep(random.uniform(0.05, 0.2))
        raise AssertionError("the last attempt returns or raises")

    def _as_backend_error(self, error: UpstreamError) -> BackendError:
        """What a user is told, and whether the circuit counts it."""
        circuit = self.backend.circuit
        if isinstance(error, Rejected):
            if error.status in BUSY:
                return Overloaded(error.retry_after or self.backend.seconds_until_room())
            if error.status >= 500 or error.status in REFUSED_FOR_ALL:
                circuit.failed()
            return GenerationFailed()
        circuit.failed()
        if isinstance(error, Unreachable | Stalled) and not self.said.tokens:
            return ModelMissing(DOWN, circuit.retry_after)
        return GenerationFailed()

    async def _answer(self) -> Completion:
        most = min(self.sampling.max_new_tokens, self.backend.context_length - len(self.prompt.ids))
        if most < 1:  # servers refuse to say nothing
            return self._completion("length", 0)
        asked = self.backend.upstream.answer(self.prompt, most, self.sampling)
        async with aclosing(paced(asked, self.backend.times)) as events:
            async for event in events:
                if isinstance(event, Ended):
                    return self._completion(event.reason, event.completion_tokens)
                if new := self.said.add(event.text, event.tokens):
                    self._events.put_nowait(new)
                if self.said.loops:
                    return self._completion("repetition_detected")
        raise Garbled("the answer ends before its end")

    def _completion(self, reason: FinishReason, tokens: int | None = None) -> Completion:
        counted = self.said.tokens if tokens is None else tokens
        return Completion(self.said.text, reason, len(self.prompt.ids), counted)


async def paced(
    answer: AsyncGenerator[AnswerPiece | Ended, None], times: UpstreamConfig
) -> AsyncGenerator[AnswerPiece | Ended, None]:
    """The events of an answer, as long as each comes in time.

    Raises:
        UpstreamError: One does not.
    """
    seconds = times.first_token_s
    async with aclosing(answer):
        while True:
            try:
                async with asyncio.timeout(seconds):
                    event: Any = await anext(answer)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise Stalled(f"nothing came within {seconds:g} s") from None
            yield event
            seconds = times.between_tokens_s
