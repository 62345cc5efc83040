"""Answers in OpenAI's format, whole or as chunks: the model's alone, and the pipeline's with all that belongs to it."""

import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.api.errors import of_backend
from app.api.qa import QaAnswer, QaDelta, QaMeta, QaReply
from app.api.sse import DONE, event
from app.api.usage import usage
from app.backends.backend import AnswerStream, BackendError
from models.engines.engine import Completion

NOT_ENDED: Mapping[str, str | None] = {"finish_reason": None}
ITS_OWN = {"label", "usage", "finish_reason", "model_version", "version"}
"""Parts of an answer that OpenAI's format has a place for; the label is in the text and, by ``metadata``, beside it."""


class StopStrings:
    """A reply up to the first stop string; see ``AnswerStream``. Text that may begin one is held back.

    Args:
        reply: The whole reply.
        stops: Strings that end it.

    Attributes:
        stopped_at: The stop string that was found.
    """

    def __init__(self, reply: AnswerStream, stops: Sequence[str]) -> None:
        self.reply, self.stops = reply, stops
        self.stopped_at: str | None = None

    async def __aiter__(self) -> AsyncIterator[str | Completion]:
        """See ``AnswerStream``."""
        held = ""
        async for piece in self.reply:
            if isinstance(piece, Completion):
                if held:
                    yield held
                yield piece
                return
            if self.stopped_at:
                continue  # the row ends at the next token; its completion has the usage
            held += piece
            if found := [(at, stop) for stop in self.stops if (at := held.find(stop)) >= 0]:
                at, self.stopped_at = min(found)
                self.reply.cancel()
                held = held[:at]
            ready = held if self.stopped_at else held[: len(held) - _beginning_of_a_stop(held, self.stops)]
            held = held[len(ready) :]
            if ready:
                yield ready
        if held:
            yield held

    def cancel(self) -> None:
        """See ``AnswerStream``."""
        self.reply.cancel()

    def reasons(self, finish_reason: str) -> dict[str, str | None]:
        """Why the answer ended, in OpenAI's words and in vLLM's: the stop string, or that it looped."""
        if self.stopped_at or finish_reason == "repetition_detected":
            return {"finish_reason": "stop", "stop_reason": self.stopped_at or finish_reason}
        return {"finish_reason": "stop" if finish_reason == "declined" else finish_reason, "stop_reason": None}


def _beginning_of_a_stop(text: str, stops: Sequence[str]) -> int:
    """Length of the longest suffix of the text that is a prefix of a stop string."""
    lengths: Iterator[int] = (n for stop in stops for n in range(1, len(stop)) if text.endswith(stop[:n]))
    return max(lengths, default=0)


class ChatFormat:
    """The frame of one answer in OpenAI's format.

    Args:
        answer_id: Name of the answer.
        model: Name of the model that answers.
        version: Id of its version, in the place that OpenAI has for that.
    """

    def __init__(self, answer_id: str, model: str, version: str) -> None:
        created = int(time.time())
        self.head = {"id": answer_id, "created": created, "model": model, "system_fingerprint": version}

    def whole(self, text: str, reasons: Mapping[str, str | None], usage: dict[str, int], **more: Any) -> dict[str, Any]:
        """The ``chat.completion``."""
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, **reasons}
        return {**self.head, "object": "chat.completion", "choices": [choice], "usage": usage, **more}

    def chunk(self, delta: dict[str, str], reasons: Mapping[str, str | None] = NOT_ENDED, **more: Any) -> bytes:
        """A ``chat.completion.chunk``."""
        return self._event({"choices": [{"index": 0, "delta": delta, **reasons}], **more})

    def usage(self, usage: dict[str, int]) -> bytes:
        """The chunk that a client asked for with ``stream_options``."""
        return self._event({"choices": [], "usage": usage})

    def _event(self, content: dict[str, Any]) -> bytes:
        return event({**self.head, "object": "chat.completion.chunk", **content})


@dataclass(frozen=True)
class ChatEnd:
    """How an answer ended.

    Attributes:
        reasons: Why, as ``StopStrings.reasons`` has it.
        usage: Its tokens.
        more: What the service says beyond OpenAI's format.
    """

    reasons: Mapping[str, str | None]
    usage: dict[str, int]
    more: dict[str, Any] = field(default_factory=dict)


class ChatAnswer(ABC):
    """An answer on its way.

    Args:
        form: Its frame.
    """

    def __init__(self, form: ChatFormat) -> None:
        self.form = form

    @abstractmethod
    async def whole(self) -> tuple[str, ChatEnd]:
        """The whole text, and how it ended.

        Raises:
            BackendError: The model failed.
        """

    @abstractmethod
    def parts(self) -> AsyncIterator[str | ChatEnd]:
        """The text piece by piece, then how it ended.

        Raises:
            BackendError: The model failed.
        """

    async def completion(self) -> dict[str, Any]:
        """The ``chat.completion``.

        Raises:
            BackendError: The model failed.
        """
        text, end = await self.whole()
        return self.form.whole(text, end.reasons, end.usage, **end.more)

    async def events(self, usage_wanted: bool) -> AsyncIterator[bytes]:
        """The events of a stream, an error among them where the model fails."""
        role = {"role": "assistant"}
        try:
            async for part in self.parts():
                if isinstance(part, str):
                    yield self.form.chunk({**role, "content": part})
                    role = {}
                    continue
                yield self.form.chunk({}, part.reasons, **part.more)
                if usage_wanted:
                    yield self.form.usage(part.usage)
        except BackendError as error:
            yield event(of_backend(error).body())
        yield DONE


class RawChat(ChatAnswer):
    """What the model says, and nothing else.

    Args:
        reply: The answer on its way.
        form: Its frame.
    """

    def __init__(self, reply: StopStrings, form: ChatFormat) -> None:
        super().__init__(form)
        self.reply = reply

    async def whole(self) -> tuple[str, ChatEnd]:
        """See ``ChatAnswer``."""
        *pieces, end = [part async for part in self.parts()]
        assert isinstance(end, ChatEnd)
        return "".join(map(str, pieces)), end

    async def parts(self) -> AsyncIterator[str | ChatEnd]:
        """See ``ChatAnswer``; clients know by a first part without text that it was accepted."""
        try:
            yield ""
            async for piece in self.reply:
                if isinstance(piece, str):
                    yield piece
                else:
                    yield ChatEnd(self.reply.reasons(piece.finish_reason), usage(piece))
        finally:
            self.reply.cancel()


class LabelledChat(ChatAnswer):
    """An answer of the pipeline. What the page shows around it is part of the text, because clients show nothing else.

    Args:
        reply: The answer on its way.
        stopped: Its model's text.
        form: Its frame.
    """

    def __init__(self, reply: QaReply, stopped: StopStrings, form: ChatFormat) -> None:
        super().__init__(form)
        self.reply, self.stopped = reply, stopped

    async def whole(self) -> tuple[str, ChatEnd]:
        """See ``ChatAnswer``."""
        answer = await self.reply.whole()
        return self._before(answer) + self._said(answer.answer, answer) + self._after(answer), self._end(answer)

    async def parts(self) -> AsyncIterator[str | ChatEnd]:
        """See ``ChatAnswer``."""
        known: QaMeta | None = None
        async for part in self.reply.parts():
            match part:
                case QaAnswer():
                    yield self._after(part)
                    yield self._end(part)
                case QaMeta():
                    known = part
                    yield self._before(part)
                case QaDelta():
                    yield self._said(part.text, known) if known else part.text

    def _end(self, answer: QaAnswer) -> ChatEnd:
        more = {"xinglin": answer.model_dump(exclude=ITS_OWN)}
        return ChatEnd(self.stopped.reasons(answer.finish_reason), answer.usage, more)

    def _before(self, known: QaMeta | QaAnswer) -> str:
        """What to do today; at an emergency the answer itself says what to do."""
        level = self.reply.version.levels[known.triage.level]
        return f"{level.title.zh}：{known.triage.advice}\n\n" if level.title and not level.answer else ""

    def _said(self, text: str, known: QaMeta | QaAnswer) -> str:
        """Text of the answer, unless it is the advice that stands before it."""
        return "" if self._before(known) and text == known.triage.advice else text

    def _after(self, answer: QaAnswer) -> str:
        """Advice that was not said before, or how to answer; notice, sources, and the label with the disclaimer."""
        said_before = self._before(answer) or answer.triage.advice in answer.answer
        advice = "" if said_before else answer.triage.advice
        to_choose = f"（请回答：{'、'.join(answer.asked.choices)}，或用自己的话说明）" if answer.asked else ""
        quoted: dict[str, list[str]] = {}  # an entry is named once, whatever is quoted of it
        for source in answer.citations:
            quoted.setdefault(source.id, []).append(source.text)
        sources = [f"- 【{id}】{''.join(dict.fromkeys(texts))}" for id, texts in quoted.items()]
        parts = [
            to_choose or advice,
            answer.notice,
            "\n".join(["出处：", *sources]) if sources else "",
            f"{answer.label}。{answer.disclaimer}",
        ]
        return "".join(f"\n\n{part}" for part in parts if part)
