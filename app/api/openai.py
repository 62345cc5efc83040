"""The OpenAI-compatible API: the pipeline of ``/v1/qa`` in OpenAI's format, and where it is allowed the model alone.

The service's own prompt is the one that its model was trained with, so a client's system prompt is accepted and has no
effect; ``NAME-raw`` gets it. Sampling differs from OpenAI's in two defaults: it is the service's, greedy as it ships,
so that the same question gets the same answer unless the client asks for variety; and an answer that loops is ended
(``stop_reason`` says so, as vLLM's does). Names beyond OpenAI's are vLLM's; those of DRY are llama.cpp's.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import dropwhile, groupby
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.api.chat_answer import ChatFormat, LabelledChat, RawChat, StopStrings
from app.api.disconnect import while_connected
from app.api.errors import OF_ANSWERS, OF_BODIES, ApiError, documented
from app.api.qa import QaReply
from app.api.sse import STREAM_HEADERS
from app.backends.backend import Backend, ChatTurn, answer_tokens
from app.compliance.records import Records
from app.config import (
    DryBase,
    DryLength,
    DryMultiplier,
    Factor,
    Nucleus,
    Penalty,
    RepetitionConfig,
    ServeConfig,
    Share,
    Temperature,
    TopK,
)
from app.pipeline.consultation import Consultation, PipelineStage, consult
from app.pipeline.guards import FixedAnswer
from domains.safety_rules import Level, LevelText
from models.engines.engine import Sampling

# other parameters that clients send by habit: accepted at their neutral value, refused otherwise
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "response_format": ({"type": "text"},),
    "tools": ([],),
    "tool_choice": ("none",),
}
WITHOUT_EFFECT = {"user", "metadata", "store", "service_tier", "safety_identifier"}


def _joined(content: Any) -> Any:
    """Message content may also come as a list of text parts."""
    if isinstance(content, list) and all(isinstance(p, dict) and isinstance(p.get("text"), str) for p in content):
        return "".join(part["text"] for part in content)
    return content


class ChatMessage(BaseModel):
    """One turn; ``developer`` is OpenAI's newer word for ``system``."""

    role: Literal["system", "user", "assistant"]
    content: Annotated[str, BeforeValidator(_joined), Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _developer_is_system(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("role") == "developer":
            return {**value, "role": "system"}
        return value


class StreamOptions(BaseModel):
    """What a stream contains beyond the text."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """Body of ``POST /v1/chat/completions``."""

    model_config = ConfigDict(extra="allow")
    model: str
    messages: list[ChatMessage] = Field(min_length=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: Temperature | None = None
    top_p: Nucleus | None = None
    top_k: TopK | None = None
    min_p: Share | None = None
    seed: int | None = Field(None, ge=0, lt=2**63)
    repetition_penalty: Factor | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    dry_multiplier: DryMultiplier | None = None
    dry_base: DryBase | None = None
    dry_allowed_length: DryLength | None = None
    repetition_detection: RepetitionConfig | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None


PENALTIES = (
    "repetition_penalty",
    "frequency_penalty",
    "presence_penalty",
    "dry_multiplier",
    "dry_base",
    "dry_allowed_length",
)
OF_CHANCE = ("temperature", "top_p", "top_k", "min_p", "seed")
"""What has no effect on a greedy answer."""


class Chat:
    """The models behind ``/v1/chat/completions``.

    Args:
        backend: The model.
        stages: The pipeline in front of it.
        disclaimer: The domain's.
        levels: What its safety rules say at each level.
        config: Limits, defaults, and whether the model is served alone.
        records: Where answers are recorded; None where they are not.
    """

    def __init__(
        self,
        backend: Backend,
        stages: Sequence[PipelineStage],
        disclaimer: str,
        levels: Mapping[Level, LevelText],
        config: ServeConfig,
        records: Records | None = None,
    ) -> None:
        self.backend, self.stages, self.config, self.records = backend, stages, config, records
        self.disclaimer, self.levels = disclaimer, levels
        self.name, self.raw_name = backend.model_version, f"{backend.model_version}-raw"
        self.names = [self.name, self.raw_name] if config.raw_model else [self.name]

    async def answer(self, body: ChatRequest, request_id: str) -> "LabelledChat | RawChat":
        """The answer on its way.

        Raises:
            ApiError: The request asks for what is not served.
            BackendError: It is not answered.
        """
        self.check_name(body.model)
        _check_supported(body)
        stops, sampling = _stop_strings(body), _sampling(body, self.config)
        form = ChatFormat(f"chatcmpl-{request_id}", body.model)
        if body.model == self.raw_name:
            most = answer_tokens(_tokens(body), self.config.max_new_tokens)
            reply = await self.backend.stream(body.messages, replace(sampling, max_new_tokens=most))
            return RawChat(StopStrings(reply, stops), form)
        *history, question = turns_of(body.messages)
        asked = Consultation(request_id, question.content, history, _tokens(body), sampling)
        decided = await consult(self.stages, asked)
        stopped = StopStrings(decided.reply, [] if isinstance(decided.reply, FixedAnswer) else stops)
        whole = QaReply(replace(decided, reply=stopped), self.disclaimer, self.name, self.records)
        return LabelledChat(whole, stopped, self.levels, form)

    def check_name(self, name: str) -> None:
        """Raises an ``ApiError`` where there is no such model."""
        if name not in self.names:
            raise ApiError("model_not_found", f"this service has {' and '.join(self.names)}", param="model")


def openai_router(chat: Chat) -> APIRouter:
    """The routes of the OpenAI-compatible API."""
    router = APIRouter(prefix="/v1", tags=["OpenAI"])
    created = int(time.time())
    refused = documented(
        "unsupported_parameter", "invalid_messages", "invalid_stop", "model_not_found", *OF_BODIES, *OF_ANSWERS
    )

    def model(name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": created, "owned_by": "xinglin"}

    @router.get("/models", responses=documented())
    async def list_models() -> dict[str, Any]:
        return {"object": "list", "data": [model(name) for name in chat.names]}

    @router.get("/models/{name:path}", responses=documented("model_not_found", "invalid_request"))
    async def retrieve_model(name: str) -> dict[str, Any]:
        chat.check_name(name)
        return model(name)

    @router.post("/chat/completions", response_model=None, responses=refused)
    async def chat_completions(body: ChatRequest, request: Request) -> JSONResponse | EventSourceResponse:
        answer = await chat.answer(body, request.state.request_id)
        if body.stream:
            usage_wanted = body.stream_options is not None and body.stream_options.include_usage
            return EventSourceResponse(answer.events(usage_wanted), headers=STREAM_HEADERS)
        return JSONResponse(await while_connected(request, answer.whole()))

    return router


def turns_of(messages: Sequence[ChatMessage]) -> list[ChatTurn]:
    """Messages as the pipeline takes them: user and assistant in alternation, from the first user turn to the last.

    Several in a row of one role are one turn, so that rules see all that was said. System prompts are dropped.
    """
    said = (message for message in messages if message.role != "system")
    begun = dropwhile(lambda message: message.role != "user", said)
    grouped = ((role, [one.content for one in turns]) for role, turns in groupby(begun, lambda message: message.role))
    return [ChatTurn(role, "\n".join(texts)) for role, texts in grouped]


def _check_supported(body: ChatRequest) -> None:
    for name, value in (body.model_extra or {}).items():
        if value is not None and name not in WITHOUT_EFFECT and value not in NEUTRAL.get(name, ()):
            known = "only its neutral value is supported" if name in NEUTRAL else "omit it"
            raise ApiError("unsupported_parameter", f"{name} is not supported here; {known}", param=name)
    if body.messages[-1].role != "user":
        raise ApiError("invalid_messages", "the last message must be the user's", param="messages")


def _tokens(body: ChatRequest) -> int | None:
    """Most tokens of the answer, under the name that OpenAI uses now, or used before."""
    return body.max_completion_tokens or body.max_tokens


def _sampling(body: ChatRequest, config: ServeConfig) -> Sampling:
    """What was given; anything else keeps the service's value."""
    default = config.qa_sampling
    temperature = default.temperature if body.temperature is None else body.temperature
    names = (*PENALTIES, *OF_CHANCE) if temperature else ("temperature", *PENALTIES)
    given: dict[str, Any] = {name: value for name in names if (value := getattr(body, name)) is not None}
    if body.repetition_detection is not None:
        given["repetition_detection"] = body.repetition_detection.detection
    return replace(default, **given)


def _stop_strings(body: ChatRequest) -> list[str]:
    stops = [body.stop] if isinstance(body.stop, str) else body.stop or []
    if len(stops) > 4 or not all(stops):
        raise ApiError("invalid_stop", "at most 4 stop strings, none of them empty", param="stop")
    return stops
