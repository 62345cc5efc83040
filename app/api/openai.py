"""The OpenAI-compatible API: the bare model, for programs, with nothing added and nothing decided by rules.

Patients are served by ``/v1/qa``. Sampling differs from OpenAI's in two defaults: ``temperature`` is 0, so the same
question gets the same answer unless the client asks for variety, and an answer that loops is ended (``stop_reason``
says so, as vLLM's does; nothing is cut from the text). Names beyond OpenAI's are vLLM's; those of DRY are llama.cpp's.
"""

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.api.disconnect import while_connected
from app.api.errors import OF_ANSWERS, OF_BODIES, ApiError, documented, of_backend
from app.api.sse import DONE, STREAM_HEADERS, event
from app.backends.backend import AnswerStream, Backend, BackendError, answer_tokens
from app.config import (
    DryBase,
    DryLength,
    DryMultiplier,
    Factor,
    Nucleus,
    Penalty,
    RepetitionConfig,
    Share,
    Temperature,
    TopK,
)
from models.engines.engine import Completion, RepetitionDetection, Sampling

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
NOT_ENDED: Mapping[str, str | None] = {"finish_reason": None}
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


def openai_router(backend: Backend, max_new_tokens: int, detection: RepetitionDetection | None) -> APIRouter:
    """The routes of the OpenAI-compatible API.

    Args:
        backend: Answers the requests; its model version is the one model that is listed.
        max_new_tokens: Default and upper bound of the length of an answer.
        detection: When an answer that loops is ended, unless a request says otherwise.
    """
    router = APIRouter(prefix="/v1", tags=["OpenAI"])
    model = {"id": backend.model_version, "object": "model", "created": int(time.time()), "owned_by": "xinglin"}
    refused = documented(
        "unsupported_parameter", "invalid_messages", "invalid_stop", "model_not_found", *OF_BODIES, *OF_ANSWERS
    )

    @router.get("/models", responses=documented())
    async def list_models() -> dict[str, Any]:
        return {"object": "list", "data": [model]}

    @router.get("/models/{name:path}", responses=documented("model_not_found", "invalid_request"))
    async def retrieve_model(name: str) -> dict[str, Any]:
        _check_model(name, backend)
        return model

    @router.post("/chat/completions", response_model=None, responses=refused)
    async def chat_completions(body: ChatRequest, request: Request) -> JSONResponse | EventSourceResponse:
        _check_model(body.model, backend)
        _check_supported(body)
        stops, sampling = _stop_strings(body), _sampling(body, max_new_tokens, detection)
        reply = await backend.stream(body.messages, sampling)
        answer = ChatAnswer(reply, stops, f"chatcmpl-{request.state.request_id}", backend.model_version)
        if body.stream:
            usage_wanted = body.stream_options is not None and body.stream_options.include_usage
            return EventSourceResponse(answer.events(usage_wanted), headers=STREAM_HEADERS)
        return JSONResponse(await while_connected(request, answer.whole()))

    return router


def _check_model(name: str, backend: Backend) -> None:
    if name != backend.model_version:
        raise ApiError("model_not_found", f"this service has one model: {backend.model_version}", param="model")


def _check_supported(body: ChatRequest) -> None:
    for name, value in (body.model_extra or {}).items():
        if value is not None and name not in WITHOUT_EFFECT and value not in NEUTRAL.get(name, ()):
            known = "only its neutral value is supported" if name in NEUTRAL else "omit it"
            raise ApiError("unsupported_parameter", f"{name} is not supported here; {known}", param=name)
    if body.messages[-1].role != "user":
        raise ApiError("invalid_messages", "the last message must be the user's", param="messages")


def _sampling(body: ChatRequest, most: int, detection: RepetitionDetection | None) -> Sampling:
    """What was given; anything else keeps the default."""
    tokens = answer_tokens(body.max_completion_tokens or body.max_tokens, most)
    names = (*PENALTIES, *OF_CHANCE) if body.temperature else PENALTIES
    given = {name: value for name in names if (value := getattr(body, name)) is not None}
    if body.repetition_detection is not None:
        detection = body.repetition_detection.detection
    return Sampling(tokens, repetition_detection=detection, **given)


def _stop_strings(body: ChatRequest) -> list[str]:
    stops = [body.stop] if isinstance(body.stop, str) else body.stop or []
    if len(stops) > 4 or not all(stops):
        raise ApiError("invalid_stop", "at most 4 stop strings, none of them empty", param="stop")
    return stops


class ChatAnswer:
    """One answer in OpenAI's format, whole or as chunks.

    Args:
        reply: The answer on its way.
        stops: Strings that end it.
        answer_id: Name of the answer.
        model: Name of the model.
    """

    def __init__(self, reply: AnswerStream, stops: list[str], answer_id: str, model: str) -> None:
        self.reply, self.stops = reply, stops
        self.head = {"id": answer_id, "created": int(time.time()), "model": model}
        self.stopped_at: str | None = None  # the stop string that was found
        self.completion: Completion | None = None

    async def whole(self) -> dict[str, Any]:
        """The ``chat.completion``.

        Raises:
            BackendError: The model failed.
        """
        try:
            text = "".join([piece async for piece in self._text()])
        finally:
            self.reply.cancel()
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, **self._reasons()}
        return {**self.head, "object": "chat.completion", "choices": [choice], "usage": usage(self.completion)}

    async def events(self, usage_wanted: bool) -> AsyncIterator[bytes]:
        """The events of a stream, an error among them where the model fails."""
        try:
            yield self._chunk({"role": "assistant", "content": ""})
            async for piece in self._text():
                yield self._chunk({"content": piece})
            yield self._chunk({}, self._reasons())
            if usage_wanted:
                yield self._event({"choices": [], "usage": usage(self.completion)})
        except BackendError as error:
            yield event(of_backend(error).body())
        finally:
            self.reply.cancel()
        yield DONE

    async def _text(self) -> AsyncIterator[str]:
        """The text up to the first stop string; text that may begin one is held back."""
        held = ""
        async for piece in self.reply:
            if isinstance(piece, Completion):
                self.completion = piece
                continue
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

    def _reasons(self) -> dict[str, str | None]:
        """Why the answer ended, in OpenAI's words and in vLLM's: the stop string, or that it looped."""
        assert self.completion is not None
        reason = self.completion.finish_reason
        if self.stopped_at or reason == "repetition_detected":
            return {"finish_reason": "stop", "stop_reason": self.stopped_at or reason}
        return {"finish_reason": reason, "stop_reason": None}

    def _chunk(self, delta: dict[str, str], reasons: Mapping[str, str | None] = NOT_ENDED) -> bytes:
        return self._event({"choices": [{"index": 0, "delta": delta, **reasons}]})

    def _event(self, content: dict[str, Any]) -> bytes:
        return event({**self.head, "object": "chat.completion.chunk", **content})


def _beginning_of_a_stop(text: str, stops: list[str]) -> int:
    """Length of the longest suffix of the text that is a prefix of a stop string."""
    lengths: Iterator[int] = (n for stop in stops for n in range(1, len(stop)) if text.endswith(stop[:n]))
    return max(lengths, default=0)


def usage(completion: Completion | None) -> dict[str, int]:
    """Token counts in OpenAI's format; without a completion no model was asked."""
    prompt, answer = (completion.prompt_tokens, completion.completion_tokens) if completion else (0, 0)
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}
