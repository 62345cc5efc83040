"""Questions and answers for people: triage by rule, the model's answer, the sources to check it against, the AI label.

The model sees the conversation exactly as in training, with nothing added. What must not depend on a model (seek care,
no prescriptions, disclaimer, label) is done here by rule. Retrieval would come between ``cite`` and the model.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal, Self

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.batching import BatchQueue, Generation, answer_tokens
from app.disconnect import while_connected
from app.errors import ApiError
from app.openai_api import usage
from app.sse import STREAM_HEADERS, event
from domains.citations import Quotation, quote
from domains.knowledge_base import KnowledgeBase
from domains.medical.citations import ASKED
from domains.medical.prescriptions import DECLINED, asks_for_prescription
from domains.medical.triage import MedicalTriager
from domains.safety_rules import LevelText, Triage
from models.engines.engine import Sampling

DISCLAIMER = "本内容仅供健康知识参考，不能代替医生的诊断和治疗，也不构成处方。如有不适请及时就医，紧急情况请拨打120。"
LABEL = "本回答由人工智能生成"
NO_SOURCE = "知识库中没有找到与这个问题对应的条目，本回答没有可核对的来源，请谨慎参考并咨询医生。"

SENTENCE_END = re.compile("[。！？!?\n]")
LONGEST_SENTENCE = 60
"""Most characters of an emergency answer that are held back to see whether the model itself says to seek care."""


class Turn(BaseModel):
    """One earlier turn."""

    model_config = ConfigDict(extra="forbid")
    role: Literal["user", "assistant"]
    content: str = Field(min_length=1, max_length=4000)


class Question(BaseModel):
    """Body of ``POST /v1/qa``.

    Attributes:
        question: What is asked.
        history: The turns before, user and assistant in alternation.
        stream: Whether to answer with server-sent events: ``meta``, ``delta``…, then ``done`` or ``error``.
        max_tokens: Most tokens of the answer; by default the service's limit.
    """

    model_config = ConfigDict(extra="forbid")
    question: str = Field(min_length=1, max_length=4000, pattern=r"\S")
    history: list[Turn] = Field([], max_length=40)
    stream: bool = False
    max_tokens: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _turns_alternate(self) -> Self:
        roles = [turn.role for turn in self.history]
        if roles != ["user", "assistant"] * (len(roles) // 2):
            raise ValueError("history must alternate user, assistant, … and end with the assistant")
        return self

    def conversation(self) -> list[Turn]:
        """The turns as the model sees them."""
        return [*self.history, Turn(role="user", content=self.question)]


class Answer(BaseModel):
    """What ``/v1/qa`` answers.

    Attributes:
        notice: Something the reader must know about this answer; empty where there is nothing.
        finish_reason: ``stop``, ``length`` (cut at ``max_tokens``) or ``declined`` (by rule, without the model).
        metadata: The implicit AI label, to be kept with the text wherever it is copied.
    """

    request_id: str
    answer: str
    citations: list[Quotation]
    notice: str
    triage: Triage
    disclaimer: str = DISCLAIMER
    label: str = LABEL
    metadata: dict[str, dict[str, str]]
    model_version: str
    usage: dict[str, int]
    finish_reason: str


class Meta(BaseModel):
    """First event of a stream: what is known before the model answers."""

    request_id: str
    triage: Triage
    citations: list[Quotation]
    notice: str
    disclaimer: str = DISCLAIMER
    label: str = LABEL


class Delta(BaseModel):
    """Further text of the answer."""

    text: str


@dataclass(frozen=True)
class Pipeline:
    """From question to answer."""

    queue: BatchQueue
    knowledge: KnowledgeBase
    triager: MedicalTriager

    async def begin(self, question: Question, request_id: str) -> "Consultation":
        """Applies the rules and queues the question for the model, unless it is declined.

        Raises:
            ApiError: The question is too long, or the service is too busy.
        """
        said = [turn.content for turn in question.history if turn.role == "user"]
        triage = self.triager.triage(question.question, said)
        citations = quote(question.question, self.knowledge, ASKED)
        meta = Meta(request_id=request_id, triage=triage, citations=citations, notice="" if citations else NO_SOURCE)
        if asks_for_prescription(question.question):
            return Consultation(
                self.queue, meta.model_copy(update={"notice": ""}), None, self.triager.levels[triage.level]
            )
        sampling = Sampling(max_new_tokens=answer_tokens(question.max_tokens, self.queue.config.max_new_tokens))
        generation = await self.queue.submit(question.conversation(), sampling)
        return Consultation(self.queue, meta, generation, self.triager.levels[triage.level])


@dataclass(frozen=True)
class Consultation:
    """One question on its way; ``generation`` is None where the answer is given by rule."""

    queue: BatchQueue
    meta: Meta
    generation: Generation | None
    level: LevelText

    async def events(self) -> AsyncIterator[Meta | Delta | Answer]:
        """First what is known at once, then the text as it grows, last the whole answer.

        Raises:
            ApiError: The model failed.
        """
        yield self.meta
        said = []
        try:
            async for text in self._text():
                said.append(text)
                yield Delta(text=text)
            yield self._answer("".join(said))
        finally:
            if self.generation is not None:
                self.queue.cancel(self.generation)

    async def answer(self) -> Answer:
        """The whole answer.

        Raises:
            ApiError: The model failed.
        """
        async for part in self.events():
            last = part
        assert isinstance(last, Answer)
        return last

    def _text(self) -> AsyncIterator[str]:
        pieces = _declined() if self.generation is None else self.generation.pieces()
        return _opened(pieces, self.level) if self.level.opening else pieces

    def _answer(self, text: str) -> Answer:
        completion = self.generation.completion if self.generation is not None else None
        return Answer(
            **self.meta.model_dump(),
            answer=text,
            metadata=_implicit_label(self.meta.request_id, self.queue.config.content_producer),
            model_version=self.queue.engine.model_version,
            usage=usage(completion) if completion else NOTHING_USED,
            finish_reason=completion.finish_reason if completion else "declined",
        )


NOTHING_USED = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


async def _declined() -> AsyncIterator[str]:
    yield DECLINED


async def _opened(pieces: AsyncIterator[str], level: LevelText) -> AsyncIterator[str]:
    """The pieces, with the opening of their level before them unless their first sentence says it."""
    held = ""
    async for piece in pieces:
        held += piece
        if SENTENCE_END.search(held) or len(held) >= LONGEST_SENTENCE:
            break
    yield held if level.opening_said.search(SENTENCE_END.split(held)[0]) else level.opening + held
    async for piece in pieces:
        yield piece


def _implicit_label(request_id: str, producer: str) -> dict[str, dict[str, str]]:
    """Metadata that says "made by AI" in the fields of GB 45438-2025; Label 1 means that it certainly was."""
    return {
        "AIGC": {
            "Label": "1",
            "ContentProducer": producer,
            "ProduceID": request_id,
            "ReservedCode1": "",
            "ContentPropagator": producer,
            "PropagateID": request_id,
            "ReservedCode2": "",
        }
    }


def qa_router(pipeline: Pipeline) -> APIRouter:
    """The route of the pipeline."""
    router = APIRouter(prefix="/v1", tags=["QA"])

    @router.post("/qa", response_model=Answer)
    async def qa(body: Question, request: Request) -> Any:
        consultation = await pipeline.begin(body, request.state.request_id)
        if body.stream:
            return EventSourceResponse(_server_sent(consultation), headers=STREAM_HEADERS)
        answer = await while_connected(request, consultation.answer())
        return JSONResponse(answer.model_dump())

    return router


async def _server_sent(consultation: Consultation) -> AsyncIterator[bytes]:
    names = {Meta: "meta", Delta: "delta", Answer: "done"}
    try:
        async for part in consultation.events():
            yield event(part.model_dump(), names[type(part)])
    except ApiError as error:
        yield event(error.body(), "error")
