"""The OpenAI-compatible API: the model itself, for programs, with nothing added and nothing decided by rules.

Patients are served by ``/v1/qa``. Sampling differs from OpenAI's in one default: ``temperature`` is 0, so the same
question gets the same answer unless variety is asked for.
"""

import time
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.batching import BatchQueue, Generation, answer_tokens
from app.disconnect import while_connected
from app.errors import ApiError
from app.sse import DONE, STREAM_HEADERS, event
from models.engines.engine import Completion, Engine, Sampling

# what else clients send by habit: accepted where it asks for nothing, refused where it asks for what is not there
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
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
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    seed: int | None = Field(None, ge=0, lt=2**63)
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None


def openai_router(engine: Engine, queue: BatchQueue) -> APIRouter:
    """The routes of the OpenAI-compatible API.

    Args:
        engine: What answers; its model version is the one model that is listed.
        queue: The queue in front of it.
    """
    router = APIRouter(prefix="/v1", tags=["OpenAI"])
    model = {"id": engine.model_version, "object": "model", "created": int(time.time()), "owned_by": "xinglin"}

    @router.get("/models")
    async def list_models() -> dict[str, Any]:
        return {"object": "list", "data": [model]}

    @router.get("/models/{name:path}")
    async def retrieve_model(name: str) -> dict[str, Any]:
        _check_model(name, engine)
        return model

    @router.post("/chat/completions", response_model=None)
    async def chat_completions(body: ChatRequest, request: Request) -> JSONResponse | EventSourceResponse:
        _check_model(body.model, engine)
        _check_supported(body)
        stops, sampling = _stop_strings(body), _sampling(body, queue.config.max_new_tokens)
        generation = await queue.submit(body.messages, sampling)
        answer = _Answer(queue, generation, stops, f"chatcmpl-{request.state.request_id}", engine.model_version)
        if body.stream:
            usage_wanted = body.stream_options is not None and body.stream_options.include_usage
            return EventSourceResponse(answer.events(usage_wanted), headers=STREAM_HEADERS)
        return JSONResponse(await while_connected(request, answer.whole()))

    return router


def _check_model(name: str, engine: Engine) -> None:
    if name != engine.model_version:
        raise ApiError(
            404, f"this service has one model: {engine.model_version}", code="model_not_found", param="model"
        )


def _check_supported(body: ChatRequest) -> None:
    for name, value in (body.model_extra or {}).items():
        if value is not None and name not in WITHOUT_EFFECT and value not in NEUTRAL.get(name, ()):
            known = "only its neutral value is supported" if name in NEUTRAL else "leave it out"
            raise ApiError(400, f"{name} is not supported here; {known}", code="unsupported_parameter", param=name)
    if body.messages[-1].role != "user":
        raise ApiError(400, "the last message must be the user's", code="invalid_messages", param="messages")


def _sampling(body: ChatRequest, most: int) -> Sampling:
    tokens = answer_tokens(body.max_completion_tokens or body.max_tokens, most)
    if not body.temperature:
        return Sampling(max_new_tokens=tokens)
    top_p = 1.0 if body.top_p is None else body.top_p
    return Sampling(tokens, body.temperature, top_p, body.seed)


def _stop_strings(body: ChatRequest) -> list[str]:
    stops = [body.stop] if isinstance(body.stop, str) else body.stop or []
    if len(stops) > 4 or not all(stops):
        raise ApiError(400, "at most 4 stop strings, none of them empty", code="invalid_stop", param="stop")
    return stops


class _Answer:
    """One answer in OpenAI's words, whole or as chunks."""

    def __init__(self, queue: BatchQueue, generation: Generation, stops: list[str], answer_id: str, model: str) -> None:
        self.queue, self.generation, self.stops = queue, generation, stops
        self.head = {"id": answer_id, "created": int(time.time()), "model": model}
        self.stopped = False

    async def whole(self) -> dict[str, Any]:
        try:
            text = "".join([piece async for piece in self._text()])
        finally:
            self.queue.cancel(self.generation)
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": self._finish_reason()}
        return {
            **self.head,
            "object": "chat.completion",
            "choices": [choice],
            "usage": usage(self.generation.completion),
        }

    async def events(self, usage_wanted: bool) -> AsyncIterator[bytes]:
        try:
            yield self._chunk({"role": "assistant", "content": ""})
            async for piece in self._text():
                yield self._chunk({"content": piece})
            yield self._chunk({}, self._finish_reason())
            if usage_wanted:
                yield self._event({"choices": [], "usage": usage(self.generation.completion)})
        except ApiError as error:
            yield event(error.body())
        finally:
            self.queue.cancel(self.generation)
        yield DONE

    async def _text(self) -> AsyncIterator[str]:
        """The text up to the first stop string; what may be the beginning of one is held back."""
        held = ""
        async for piece in self.generation.pieces():
            if self.stopped:
                continue  # the row ends at the next token; its completion has the usage
            held += piece
            if found := [at for stop in self.stops if (at := held.find(stop)) >= 0]:
                self.stopped = True
                self.queue.cancel(self.generation)
                held = held[: min(found)]
            ready = held if self.stopped else held[: len(held) - _beginning_of_a_stop(held, self.stops)]
            held = held[len(ready) :]
            if ready:
                yield ready
        if held:
            yield held

    def _finish_reason(self) -> str:
        return "stop" if self.stopped else self.generation.completion.finish_reason

    def _chunk(self, delta: dict[str, str], finish_reason: str | None = None) -> bytes:
        return self._event({"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]})

    def _event(self, content: dict[str, Any]) -> bytes:
        return event({**self.head, "object": "chat.completion.chunk", **content})


def _beginning_of_a_stop(text: str, stops: list[str]) -> int:
    """Length of the longest end of the text that a stop string begins with."""
    lengths: Iterator[int] = (n for stop in stops for n in range(1, len(stop)) if text.endswith(stop[:n]))
    return max(lengths, default=0)


def usage(completion: Completion) -> dict[str, int]:
    """Token counts in OpenAI's words."""
    prompt, answer = completion.prompt_tokens, completion.completion_tokens
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}
