"""A question on its way to its answer, and the stages it passes through in order."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.access.caller import ANYBODY, Caller
from app.backends.backend import AnswerStream, ChatTurn
from app.pipeline.answer_check import AnswerCheck, Verification, joined
from domains.asking_back import AskedBack, RedFlagQuestion
from domains.citations import Quotation
from domains.grounding import EntriesBlock
from domains.retrieval.retriever import Retrieved
from domains.safety_rules import LevelText, Triage
from models.engines.engine import Completion, Sampling


@dataclass(frozen=True)
class Consultation:
    """A question and what is known about it so far.

    Attributes:
        request_id: Id of the request that asks it.
        question: What is asked.
        history: The turns before, user and assistant in alternation.
        max_tokens: Most tokens of the answer; None for the service's choice.
        sampling: How the model answers; None for the service's own way.
        caller: Who asks, and how much his key allows.
        answered: What was asked back about the question, whose answers are part of it.
        asked_earlier: What was asked back about messages before it.
        asked: What is asked back now, instead of an answer; None where nothing is.
        triage: What the safety rules say.
        level: The texts of that level.
        retrieved: The entries that it is about.
        citations: What the knowledge base says about it.
        beside: What it says in the other entries that the model reads; shown where the answer cites them.
        notice: Something the reader must know about this answer; empty where there is nothing.
        metadata: The implicit AI label.
        block: The entries that the model reads; None where it is asked without any.
        check: Checks claims, numbers and citations of the answer; None where there is nothing to check them against.
        turns: The turns that the model gets; None for the whole conversation.
        beforehand: The questions that the same message asks before it.
    """

    request_id: str
    question: str
    history: Sequence[ChatTurn] = ()
    max_tokens: int | None = None
    sampling: Sampling | None = None
    caller: Caller = ANYBODY
    answered: tuple[RedFlagQuestion, ...] = ()
    asked_earlier: tuple[RedFlagQuestion, ...] = ()
    asked: AskedBack | None = None
    triage: Triage = field(default_factory=lambda: Triage(level="routine", reasons=[], advice=""))
    level: LevelText = field(default_factory=LevelText)
    retrieved: Retrieved = field(default_factory=Retrieved)
    citations: Sequence[Quotation] = ()
    beside: Sequence[Quotation] = ()
    notice: str = ""
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    block: EntriesBlock | None = None
    check: AnswerCheck | None = None
    turns: Sequence[ChatTurn] | None = None
    beforehand: Sequence[str] = ()

    @property
    def asked_before(self) -> list[str]:
        """What the person said in the turns before, and in this one before the question, in order."""
        return [*(turn.content for turn in self.history if turn.role == "user"), *self.beforehand]

    @property
    def in_full(self) -> str:
        """The question with what it leaves to be understood."""
        return self.retrieved.asked or self.question

    @property
    def conversation(self) -> list[ChatTurn]:
        """What the model is asked: the entries come before the conversation, as in training.

        What a message asks before a question is no turn, so that the question says it.
        """
        system = [ChatTurn("system", self.block.text)] if self.block else []
        asked = ChatTurn("user", self.in_full if self.beforehand else self.question)
        turns = [*self.history, asked] if self.turns is None else self.turns
        return [*system, *turns]


@dataclass(frozen=True)
class Decided:
    """A consultation whose answer is decided; no further stage runs.

    Attributes:
        if_empty: The answer where the model says nothing.
        parts: The questions of a message that asks several, each decided; their answers are the reply.
    """

    consultation: Consultation
    reply: AnswerStream
    if_empty: str = ""
    parts: tuple["Decided", ...] = ()

    @property
    def by_rule(self) -> bool:
        """Whether no model answers any of it."""
        return all(isinstance(one.reply, FixedAnswer) for one in self.parts or (self,))

    @property
    def verification(self) -> Verification | None:
        """What was checked so far, of all parts; None where nothing is."""
        checks = [one.consultation.check for one in self.parts or (self,)]
        done = [check.done for check in checks if check]
        return joined(done) if done else None

    def __aiter__(self) -> AsyncIterator[str | Completion]:
        """The text as the reader gets it, then the completion, where the model answers.

        Raises:
            BackendError: See ``AnswerStream``.
        """
        check = self.consultation.check
        return self._never_empty(check.checked(aiter(self.reply)) if check else aiter(self.reply))

    async def _never_empty(self, reply: AsyncIterator[str | Completion]) -> AsyncIterator[str | Completion]:
        said = False
        async for event in reply:
            if isinstance(event, Completion) and not said:
                yield self.if_empty
            said = said or (isinstance(event, str) and bool(event.strip()))
            yield event


@dataclass(frozen=True)
class FixedAnswer:
    """A reply that no model gives, so it has no completion; see ``AnswerStream``."""

    text: str

    async def __aiter__(self) -> AsyncIterator[str | Completion]:
        """See ``AnswerStream``."""
        yield self.text

    def cancel(self) -> None:
        """See ``AnswerStream``."""


class PipelineStage(Protocol):
    """One step from question to answer."""

    async def __call__(self, consultation: Consultation) -> Consultation | Decided:
        """Adds what it knows, or decides the answer.

        Raises:
            BackendError: The question is not answered.
        """
        ...


async def passed(stages: Sequence[PipelineStage], consultation: Consultation) -> Consultation | Decided:
    """Sends a question through stages, as far as the one that decides its answer.

    Raises:
        BackendError: The question is not answered.
    """
    for stage in stages:
        result = await stage(consultation)
        if isinstance(result, Decided):
            return result
        consultation = result
    return consultation


async def consult(stages: Sequence[PipelineStage], consultation: Consultation) -> Decided:
    """Sends a question through the stages until one decides its answer; the last one always does.

    Raises:
        BackendError: The question is not answered.
    """
    decided = await passed(stages, consultation)
    assert isinstance(decided, Decided), "the last stage must answer"
    return decided
