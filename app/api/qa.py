"""``/v1/qa``: questions and answers for users, whole or as a stream; ``app/pipeline`` processes them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal, Self

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse
from loguru import logger
from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.access.caller import Caller
from app.api.disconnect import while_connected
from app.api.errors import OF_ANSWERS, OF_BODIES, documented, of_backend
from app.api.sse import OR_EVENTS, STREAM_HEADERS, event
from app.api.usage import usage
from app.audit.records import AuditRecords
from app.backends.backend import BackendError, ChatTurn
from app.metrics import ANSWERS, CLAIMS, LOOPS, TRIAGE
from app.pipeline.answer_check import Verification
from app.pipeline.consultation import Consultation, Decided, consult
from app.pipeline.label import LABEL
from app.pipeline.questions import divided
from app.pipeline.repeats import NOTICE, without_repeats
from app.versions.version import Version
from domains.asking_back import AskedBack
from domains.citations import Quotation, cited
from domains.safety_rules import Triage
from models.engines.engine import Completion


class HistoryTurn(BaseModel):
    """One earlier turn."""

    model_config = ConfigDict(extra="forbid")
    role: Literal["user", "assistant"]
    content: str = Field(min_length=1)


class QaRequest(BaseModel):
    """Body of ``POST /v1/qa``.

    Attributes:
        question: What is asked.
        history: The turns before, user and assistant in alternation.
        stream: Whether to answer with server-sent events: ``meta``, ``delta``…, then ``done`` or ``error``.
        max_tokens: Most tokens of the answer; by default ``serve.max_new_tokens``.
    """

    model_config = ConfigDict(extra="forbid")
    question: str = Field(min_length=1, pattern=r"\S")
    history: list[HistoryTurn] = []
    stream: bool = False
    max_tokens: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _turns_alternate(self) -> Self:
        roles = [turn.role for turn in self.history]
        if roles != ["user", "assistant"] * (len(roles) // 2):
            raise ValueError(
                "须为 user、assistant 轮流，以 assistant 结尾 · "
                "history must alternate user, assistant, … and end with the assistant"
            )
        return self

    def consultation(self, request_id: str, caller: Caller) -> Consultation:
        """The question as the pipeline takes it."""
        history = [ChatTurn(turn.role, turn.content) for turn in self.history]
        return Consultation(request_id, self.question, history, self.max_tokens, caller=caller)


class QaMeta(BaseModel):
    """First event of a stream: what is known before the model answers.

    Attributes:
        notice: Something the reader must know about this answer; empty where there is nothing.
    """

    request_id: str
    triage: Triage
    citations: list[Quotation]
    notice: str
    disclaimer: str
    label: str = LABEL


class QaDelta(BaseModel):
    """Further text of the answer."""

    text: str


class QaPart(BaseModel):
    """One question of a message that asks several, with its answer.

    Attributes:
        question: The question, as the message has it.
        answer: Its answer, without what the model repeated over and over.
        citations: What the knowledge base says about it.
        verification: What the check against the entries has done to the model's answer; null where nothing was checked.
    """

    question: str
    answer: str
    citations: list[Quotation]
    verification: Verification | None


class QaAnswer(BaseModel):
    """What ``/v1/qa`` answers, and the last event of a stream.

    Attributes:
        notice: Something the reader must know about this answer; empty where there is nothing.
        citations: As at the start, then entries beside them that the answer cites.
        answer: The whole answer, without what the model repeated over and over; the deltas of a stream have it all.
        asked: What is asked back instead of an answer, with answers to choose from; send one of them, or any other
            text, as the next question, with this exchange in the history. Null where nothing is asked.
        parts: The questions of a message that asks several, each with its answer; the answer has them all. Empty where
            it asks one.
        repetition_removed: Characters that were removed because they were repeated; the notice says so.
        verification: What the check against the entries has done to the model's answer; null where nothing was checked.
        finish_reason: ``stop``, ``length`` (cut at ``max_tokens``), ``repetition_detected`` (ended because it looped)
            or ``declined`` (by rule, without the model; emergencies and what is asked back, too).
        metadata: The implicit AI label, to be kept with the text wherever it is copied.
        model_version: Name of the model that answered.
        version: The beginning of the hash of its files: two of one name are not the same.
        expert: Which of several adapters has answered; null where there is one model, or none was asked.
    """

    request_id: str
    answer: str
    asked: AskedBack | None
    parts: list[QaPart]
    repetition_removed: int
    citations: list[Quotation]
    notice: str
    triage: Triage
    verification: Verification | None
    disclaimer: str
    label: str = LABEL
    metadata: dict[str, dict[str, str]]
    model_version: str
    version: str
    expert: str | None = None
    usage: dict[str, int]
    finish_reason: str


@dataclass(frozen=True)
class QaReply:
    """A decided consultation in the format of this API.

    Attributes:
        version: What answers.
        records: Where it is recorded; None where it is not.
    """

    decided: Decided
    version: Version
    records: AuditRecords | None

    async def parts(self) -> AsyncIterator[QaMeta | QaDelta | QaAnswer]:
        """First what is known at once, then the text as it grows, last the whole answer.

        Raises:
            BackendError: The model failed.
        """
        said, completion, answer = [], None, None
        try:
            yield self._meta()
            async for piece in self.decided:
                if isinstance(piece, Completion):
                    completion = piece
                else:
                    said.append(piece)
                    yield QaDelta(text=piece)
            answer = self._answer("".join(said), completion)
            yield answer
        finally:
            self.decided.reply.cancel()
            self._count(answer)
            self._record(answer, "".join(said))

    async def whole(self) -> QaAnswer:
        """The whole answer.

        Raises:
            BackendError: The model failed.
        """
        async for part in self.parts():
            last = part
        assert isinstance(last, QaAnswer)
        return last

    async def events(self) -> AsyncIterator[bytes]:
        """The parts as server-sent events, an error among them where the model fails."""
        names = {QaMeta: "meta", QaDelta: "delta", QaAnswer: "done"}
        try:
            async for part in self.parts():
                yield event(part.model_dump(), names[type(part)])
        except BackendError as error:
            yield event(of_backend(error).body(), "error")

    def _count(self, answer: QaAnswer | None) -> None:
        """Counts what became of a question."""
        TRIAGE.labels(self.decided.consultation.triage.level).inc()
        ANSWERS.labels(self._kind(answer)).inc()
        if answer and (answer.repetition_removed or answer.finish_reason == "repetition_detected"):
            LOOPS.inc()
        if check := answer and answer.verification:
            for outcome in ("held", "removed", "marked", "completed", "citations_removed"):
                CLAIMS.labels(outcome).inc(getattr(check, outcome))

    def _kind(self, answer: QaAnswer | None) -> str:
        """Whose words an answer is; see ``app/metrics.py``."""
        asked = self.decided.consultation
        if asked.level.answer:
            return "emergency"
        if asked.asked:
            return "asked_back"
        if answer is None:
            return "not_finished"
        if answer.finish_reason == "declined":
            return "declined"
        return "entry_words" if answer.verification and answer.verification.replaced else "model"

    def _record(self, answer: QaAnswer | None, said: str) -> None:
        """Records what was answered, also where the model failed or the reader left before the end."""
        if self.records is None:
            return
        asked = self.decided.consultation
        outcome = {
            "triage": asked.triage.model_dump(exclude={"advice"}),
            "asked": asked.asked.question if asked.asked else None,
            "answered": [question.ask for question in asked.answered],
            "citations": [citation.id for citation in (answer or self._meta()).citations],
            "verification": answer.verification.model_dump() if answer and answer.verification else None,
            "finish_reason": answer.finish_reason if answer else "not_finished",
        }
        self.records.answered(asked, answer.answer if answer else said, self.version.model.identity, outcome)

    def _meta(self) -> QaMeta:
        asked = self.decided.consultation
        return QaMeta(
            request_id=asked.request_id,
            triage=asked.triage,
            citations=list(asked.citations),
            notice=asked.notice,
            disclaimer=self.version.disclaimer,
        )

    def _answer(self, text: str, completion: Completion | None) -> QaAnswer:
        asked, meta = self.decided.consultation, self._meta()
        said = divided(text, self.decided.parts) or [("", text)]
        shown = [(heading, *(without_repeats(answer) if completion else (answer, 0))) for heading, answer in said]
        answer, repeated = "".join(head + kept for head, kept, _ in shown), sum(removed for _, _, removed in shown)
        verification = self.decided.verification if completion else None
        if verification and (verification.changed or verification.marked):
            logger.warning("answer checked against the entries: {} {}", verification, meta.request_id)
        return QaAnswer(
            **meta.model_dump(exclude={"notice", "citations"}),
            citations=_cited(asked, answer),
            notice=" ".join(filter(None, (NOTICE if repeated else "", meta.notice))),
            answer=answer,
            asked=asked.asked,
            parts=[_part(part, kept) for part, (_, kept, _) in zip(self.decided.parts, shown, strict=False)],
            repetition_removed=repeated,
            verification=verification,
            metadata=asked.metadata,
            model_version=self.version.name,
            version=self.version.id,
            expert=completion.expert if completion else None,
            usage=usage(completion),
            finish_reason=completion.finish_reason if completion else "declined",
        )


def _cited(asked: Consultation, answer: str) -> list[Quotation]:
    """What is quoted of the entries that a question is about, and of others that its answer cites."""
    return [*asked.citations, *(one for one in asked.beside if one.id in cited(answer))]


def _part(part: Decided, answer: str) -> QaPart:
    """One question with its answer."""
    asked = part.consultation
    checked = None if part.by_rule else part.verification
    return QaPart(question=asked.question, answer=answer, citations=_cited(asked, answer), verification=checked)


def qa_router(records: AuditRecords | None) -> APIRouter:
    """The route of the pipeline.

    Args:
        records: Where answers are recorded; None where they are not.
    """
    router = APIRouter(prefix="/v1", tags=["QA"])

    @router.post("/qa", response_model=QaAnswer, responses=OR_EVENTS | documented(*OF_BODIES, *OF_ANSWERS))
    async def qa(body: QaRequest, request: Request) -> Any:
        version = request.state.version
        decided = await consult(version.stages, body.consultation(request.state.request_id, request.state.caller))
        reply = QaReply(decided, version, records)
        if body.stream:
            return EventSourceResponse(reply.events(), headers=STREAM_HEADERS)
        return JSONResponse((await while_connected(request, reply.whole())).model_dump())

    return router
