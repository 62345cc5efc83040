"""``/v1/chat/completions``: the pipeline of ``/v1/qa`` in OpenAI's format, and where it is allowed the model alone.

The service's own prompt is the one that its model was trained with, so a client's system prompt is accepted and has no
effect; ``NAME-raw`` gets it.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import dropwhile, groupby
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.access.caller import Caller
from app.api.chat_answer import ChatAnswer, ChatFormat, LabelledChat, RawChat, StopStrings
from app.api.disconnect import while_connected
from app.api.errors import OF_ANSWERS, OF_BODIES, ApiError, documented
from app.api.generation import GenerationRequest, check_neutral
from app.api.qa import QaReply
from app.api.served_models import ServedModels
from app.api.sse import OR_EVENTS, STREAM_HEADERS
from app.audit.records import AuditRecords
from app.backends.backend import ChatTurn
from app.config import ServeConfig
from app.pipeline.consultation import Consultation, consult
from app.versions.version import Version


def _joined(content: Any) -> Any:
    """Message content may also come as a list of text parts; null is what an answer without text has."""
    if isinstance(content, list) and all(isinstance(p, dict) and isinstance(p.get("text"), str) for p in content):
        return "".join(part["text"] for part in content)
    return "" if content is None else content


class ChatMessage(BaseModel):
    """One turn; ``developer`` is OpenAI's newer word for ``system``.

    Attributes:
        role: Who says it.
        content: What is said.
        name: Who speaks under a role; without effect, as what follows.
        refusal: Of an answer by OpenAI that comes back as history.
        annotations: Of one, too.
    """

    model_config = ConfigDict(extra="allow")
    role: Literal["system", "user", "assistant"]
    content: Annotated[str, BeforeValidator(_joined)] = ""
    name: str | None = None
    refusal: str | None = None
    annotations: list[Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _developer_is_system(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("role") == "developer":
            return {**value, "role": "system"}
        return value

    @model_validator(mode="after")
    def _users_say_something(self) -> Self:
        if self.role == "user" and not self.content.strip():
            raise ValueError("用户的消息须有文字内容 · a message of the user must have text in its content")
        return self


class ChatRequest(GenerationRequest):
    """Body of ``POST /v1/chat/completions``."""

    messages: list[ChatMessage] = Field(min_length=1)
    max_completion_tokens: int | None = Field(None, ge=1)

    @property
    def most_tokens(self) -> int | None:
        """Most tokens of the answer, under the name that OpenAI uses now, or used before."""
        return self.max_completion_tokens or self.max_tokens

    def check_supported(self) -> None:
        """See ``GenerationRequest``; messages have parameters, too."""
        super().check_supported()
        for number, message in enumerate(self.messages):
            check_neutral(message.model_extra, {"tool_calls": ([],)}, f"messages.{number}.")
        if self.messages[-1].role != "user":
            raise ApiError("invalid_messages", "the last message must be the user's", param="messages")


class Chat:
    """The models behind ``/v1/chat/completions``.

    Args:
        models: Names of the pipeline, of its parts and of the model alone.
        config: Limits and defaults.
        records: Where answers are recorded; None where they are not.
    """

    def __init__(self, models: ServedModels, config: ServeConfig, records: AuditRecords | None) -> None:
        self.models, self.config, self.records = models, config, records

    async def answer(self, body: ChatRequest, request_id: str, caller: Caller, version: Version) -> ChatAnswer:
        """The answer on its way.

        Args:
            body: What is asked.
            request_id: Id of the request.
            caller: Who asks.
            version: What answers.

        Raises:
            ApiError: The request asks for what is not served.
            BackendError: It is not answered.
        """
        self.models.check(body.model)
        body.check_supported()
        expert = self.models.expert_of(body.model, version)
        stops, sampling = body.stops, replace(body.sampling(self.config), expert=expert)
        form = ChatFormat(f"chatcmpl-{request_id}", self.models.answering(body.model, version), version.id)
        if self.models.is_raw(body.model):
            caller.check("raw")
            caller.check_quota()
            tokens = self.config.answer_tokens(body.most_tokens)
            reply = await version.backend.stream(body.messages, replace(sampling, max_new_tokens=tokens))
            return RawChat(StopStrings(caller.metered(reply), stops), form)
        if sampling.response_format is not None:
            problem = "response_format is not supported here; ask NAME-raw: what rules and sources add is no JSON"
            raise ApiError("unsupported_parameter", problem, param="response_format")
        *history, question = turns_of(body.messages)
        asked = Consultation(request_id, question.content, history, body.most_tokens, sampling, caller=caller)
        part = self.models.part_of(body.model)
        if part:
            caller.check("raw")  # no patient's question is answered by less than everything
        decided = await consult(version.parts[part] if part else version.stages, asked)
        stopped = StopStrings(decided.reply, [] if decided.by_rule else stops)
        whole = QaReply(replace(decided, reply=stopped), version, None if part else self.records)
        return LabelledChat(whole, stopped, form)


def chat_router(chat: Chat) -> APIRouter:
    """The route of chat completions."""
    router = APIRouter(prefix="/v1", tags=["OpenAI"])
    refused = documented(
        "unsupported_parameter", "invalid_messages", "invalid_stop", "model_not_found", *OF_BODIES, *OF_ANSWERS
    )

    @router.post("/chat/completions", response_model=None, responses=OR_EVENTS | refused)
    async def chat_completions(body: ChatRequest, request: Request) -> JSONResponse | EventSourceResponse:
        state = request.state
        answer = await chat.answer(body, state.request_id, state.caller, state.version)
        if body.stream:
            return EventSourceResponse(answer.events(body.usage_wanted), headers=STREAM_HEADERS)
        return JSONResponse(await while_connected(request, answer.completion()))

    return router


def turns_of(messages: Sequence[ChatMessage]) -> list[ChatTurn]:
    """Messages as the pipeline takes them: user and assistant in alternation, from the first user turn to the last.

    Several in a row of one role are one turn, so that rules see all that was said. System prompts and empty answers
    are dropped.
    """
    said = (message for message in messages if message.role != "system" and message.content)
    begun = dropwhile(lambda message: message.role != "user", said)
    grouped = ((role, [one.content for one in turns]) for role, turns in groupby(begun, lambda message: message.role))
    return [ChatTurn(role, "\n".join(texts)) for role, texts in grouped]
