"""A prompting strategy in front of a backend: several calls, of which the reader gets the answer, in one piece."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from app.backends.backend import AnswerStream, Backend, GenerationFailed, PromptTooLong
from models.conversation import Conversation
from models.engines.engine import Completion, Sampling
from strategies import STRATEGIES
from strategies.direct import ZeroShotConfig
from strategies.strategy import ModelCall, Question, Solving, StrategyConfig


async def stream(
    backend: Backend, strategy: StrategyConfig, conversation: Conversation, sampling: Sampling
) -> AnswerStream:
    """Answers a conversation by a strategy; what it asks first is accepted when this returns.

    Args:
        backend: The model.
        strategy: How the last question is put to it; the turns before it stay.
        conversation: What is asked.
        sampling: How calls that a strategy does not sample are answered; all of them get its limits.

    Raises:
        BackendError: See ``Backend.stream``.
    """
    if isinstance(strategy, ZeroShotConfig):
        return await backend.stream(conversation, sampling)
    solving = STRATEGIES[strategy.name].solve(strategy, Question("", tuple(conversation)), sampling.seed or 0)
    return StrategyAnswer(backend, solving, sampling, await _asked(backend, next(solving), sampling))


class StrategyAnswer:
    """An answer that several calls lead to; see ``AnswerStream``.

    Its completion has the tokens of all of them. One that is broken off ends the answer.

    Args:
        backend: The model.
        solving: The strategy at work.
        sampling: How it is asked.
        first: What it asked first, being answered.
    """

    def __init__(self, backend: Backend, solving: Solving, sampling: Sampling, first: Sequence[AnswerStream]) -> None:
        self._backend, self._solving, self._sampling, self._streams = backend, solving, sampling, first

    async def __aiter__(self) -> AsyncIterator[str | Completion]:
        """See ``AnswerStream``."""
        given: list[Completion] = []
        try:
            while True:
                replies = await asyncio.gather(*map(_completion, self._streams))
                given += replies
                broken_off = [reply for reply in replies if reply.finish_reason == "cancelled"]
                if broken_off:
                    answer = replace(broken_off[0], text="")
                    break
                try:
                    requests = self._solving.send(replies)
                except StopIteration as end:
                    answer = end.value
                    break
                self._streams = await _asked(self._backend, requests, self._sampling)
        except PromptTooLong:  # what earlier replies were added to
            raise GenerationFailed from None
        finally:
            self.cancel()
        if answer.text:
            yield answer.text
        yield replace(
            answer,
            prompt_tokens=sum(reply.prompt_tokens for reply in given),
            completion_tokens=sum(reply.completion_tokens for reply in given),
            calls=len(given),
        )

    def cancel(self) -> None:
        """See ``AnswerStream``."""
        for one in self._streams:
            one.cancel()


async def _asked(backend: Backend, requests: Sequence[ModelCall], sampling: Sampling) -> list[AnswerStream]:
    """All requests, accepted; where one is refused none is kept."""
    accepted: list[AnswerStream] = []
    try:
        for request in requests:
            drawn = replace(sampling, temperature=request.temperature, seed=request.seed)
            accepted.append(await backend.stream(request.messages, drawn if request.temperature else sampling))
    except BaseException:
        for one in accepted:
            one.cancel()
        raise
    return accepted


async def _completion(reply: AnswerStream) -> Completion:
    async for piece in reply:
        last = piece
    assert isinstance(last, Completion)
    return last
