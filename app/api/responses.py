"""``/v1/responses``: OpenAI's newer API, its text alone, in front of the same models as ``/v1/chat/completions``.

Nothing is kept between two requests, so the conversation comes whole in ``input`` each time.
"""

import time
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.api.chat import Chat, ChatMessage, ChatRequest
from app.api.chat_answer import ChatAnswer, ChatEnd
from app.api.disconnect import while_connected
from app.api.errors import OF_ANSWERS, OF_BODIES, ApiError, documented, of_backend
from app.api.generation import check_neutral, one_of
from app.api.sse import OR_EVENTS, STREAM_HEADERS, event
from app.backends.backend import BackendError
from app.config import Nucleus, Temperature

NEUTRAL: dict[str, tuple[Any, ...]] = {
    "background": (False,),
    "include": ([],),
    "parallel_tool_calls": (True, False),
    "reasoning": ({}, {"effort": "none"}),
    "stream_options": ({}, {"include_obfuscation": False}),
    "text": ({}, {"format": {"type": "text"}}),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "top_logprobs": (0,),
    "truncation": ("auto", "disabled"),
}
"""Parameters that clients send by habit, accepted at the values that ask for nothing and refused otherwise."""

STATEFUL = ("previous_response_id", "conversation", "prompt")
"""What refers to something kept by the server."""

OF_ITEMS: dict[str, tuple[Any, ...]] = {"status": ("completed", "incomplete"), "phase": ("final_answer",)}
"""What items have that come back as history."""

TEXTS = ("input_text", "output_text", "text")


class InputPart(BaseModel):
    """A part of what is said.

    Attributes:
        type: What it is; only texts are read.
        text: The text.
    """

    model_config = ConfigDict(extra="allow")
    type: str = "input_text"
    text: str = ""


class InputItem(BaseModel):
    """One item of the conversation; as an answer has them, so that one can be sent back as it is.

    Attributes:
        type: What it is; only messages are read.
        role: Who says it; ``developer`` is OpenAI's newer word for ``system``.
        content: What is said.
    """

    model_config = ConfigDict(extra="allow")
    type: str = "message"
    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: str | list[InputPart] = ""

    @model_validator(mode="after")
    def _is_said_by_somebody(self) -> Self:
        if self.type == "message" and self.role is None:
            raise ValueError("消息须有 role · a message has a role")
        return self

    @property
    def text(self) -> str:
        """All that is said."""
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)

    def check_supported(self, place: str) -> None:
        """Refuses what would be ignored.

        Args:
            place: Where in the body it is, with a dot at its end.

        Raises:
            ApiError: It is no text.
        """
        check_neutral({"type": self.type}, {"type": ("message",)}, place)
        check_neutral(
            {name: value for name, value in (self.model_extra or {}).items() if name != "id"}, OF_ITEMS, place
        )
        for number, part in enumerate(self.content if isinstance(self.content, list) else ()):
            check_neutral({"type": part.type}, {"type": TEXTS}, f"{place}content.{number}.")
        if self.role == "user" and not self.text.strip():
            raise ApiError("invalid_request", f"{place}content: a message of the user must have text", param="input")


class ResponsesRequest(BaseModel):
    """Body of ``POST /v1/responses``.

    Attributes:
        input: A question, or the conversation that ends with it.
        instructions: A system prompt; as in ``/v1/chat/completions`` the model alone gets it.
    """

    model_config = ConfigDict(extra="allow")
    model: str
    input: Annotated[str | list[InputItem], one_of("a text, or a list of messages with role and content")]
    instructions: str | None = None
    max_output_tokens: int | None = Field(None, ge=1)
    temperature: Temperature | None = None
    top_p: Nucleus | None = None
    stream: bool | None = None

    def check_supported(self) -> None:
        """Refuses what would be ignored.

        Raises:
            ApiError: A parameter asks for what this service does not do.
        """
        extra = self.model_extra or {}
        for name in STATEFUL:
            if extra.get(name) is not None:
                chinese = f"本服务不保存对话，请在 input 中发送整段对话，去掉 {name}"
                english = f"{name} is not supported here: nothing is kept, so send the whole conversation in input"
                raise ApiError("unsupported_parameter", f"{chinese} · {english}", param=name)
        check_neutral(extra, NEUTRAL)
        for number, item in enumerate(self._items):
            item.check_supported(f"input.{number}." if isinstance(self.input, list) else "input.")

    @property
    def _items(self) -> list[InputItem]:
        return self.input if isinstance(self.input, list) else [InputItem(role="user", content=self.input)]

    def chat(self) -> ChatRequest:
        """The same as a request to ``/v1/chat/completions``; it has been checked.

        Raises:
            ApiError: The last message is not the user's.
        """
        system = [ChatMessage(role="system", content=self.instructions)] if self.instructions else []
        turns = [ChatMessage.model_validate({"role": item.role, "content": item.text}) for item in self._items]
        if not turns or turns[-1].role != "user":
            raise ApiError("invalid_messages", param="input")
        return ChatRequest(
            model=self.model,
            messages=[*system, *turns],
            max_completion_tokens=self.max_output_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
        )


class ResponsesFormat:
    """The frame of one answer in the format of this API: one message with one text.

    Args:
        body: What was asked.
        request_id: Id of the request.
        answer: The answer on its way.
    """

    def __init__(self, body: ResponsesRequest, request_id: str, answer: ChatAnswer) -> None:
        self.answer = answer
        self.message_id = f"msg_{request_id}"
        self.head = {
            "id": f"resp_{request_id}",
            "object": "response",
            "created_at": int(time.time()),
            "model": answer.form.head["model"],
            "system_fingerprint": answer.form.head["system_fingerprint"],
            "instructions": body.instructions,
            "max_output_tokens": body.max_output_tokens,
            "temperature": body.temperature,
            "top_p": body.top_p,
            "metadata": (body.model_extra or {}).get("metadata") or {},
            "parallel_tool_calls": False,
            "previous_response_id": None,
            "store": False,
            "text": {"format": {"type": "text"}},
            "tool_choice": "none",
            "tools": [],
            "truncation": "auto",
        }

    async def whole(self) -> dict[str, Any]:
        """The ``response``.

        Raises:
            BackendError: The model failed.
        """
        text, end = await self.answer.whole()
        return self._ended(text, end)

    async def events(self) -> AsyncIterator[bytes]:
        """The events of a stream, numbered."""
        number = 0
        async for kind, content in self._events():
            yield event({"type": kind, "sequence_number": number, **content}, kind)
            number += 1

    async def _events(self) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        begun = {"response": self._response("in_progress")}
        yield "response.created", begun
        yield "response.in_progress", begun
        item, part = {"output_index": 0}, {"item_id": self.message_id, "output_index": 0, "content_index": 0}
        yield "response.output_item.added", {**item, "item": self._message("in_progress")}
        yield "response.content_part.added", {**part, "part": _part("")}
        said: list[str] = []
        try:
            async for piece in self.answer.parts():
                if isinstance(piece, ChatEnd):
                    for last in self._last("".join(said), piece):
                        yield last
                elif piece:
                    said.append(piece)
                    yield "response.output_text.delta", {**part, "delta": piece, "logprobs": []}
        except BackendError as error:
            failed = {"code": "server_error", "message": of_backend(error).detail}
            yield "response.failed", {"response": self._response("failed", error=failed)}

    def _last(self, text: str, end: ChatEnd) -> Iterator[tuple[str, dict[str, Any]]]:
        """The events after the last of the text."""
        response = self._ended(text, end)
        item, part = {"output_index": 0}, {"item_id": self.message_id, "output_index": 0, "content_index": 0}
        yield "response.output_text.done", {**part, "text": text, "logprobs": []}
        yield "response.content_part.done", {**part, "part": _part(text)}
        yield "response.output_item.done", {**item, "item": response["output"][0]}
        yield f"response.{response['status']}", {"response": response}

    def _ended(self, text: str, end: ChatEnd) -> dict[str, Any]:
        cut = end.reasons["finish_reason"] == "length"
        status = "incomplete" if cut else "completed"
        return self._response(
            status,
            output=[self._message(status, _part(text))],
            incomplete_details={"reason": "max_output_tokens"} if cut else None,
            usage=_usage(end.usage),
            **end.more,
        )

    def _response(self, status: str, **known: Any) -> dict[str, Any]:
        empty: dict[str, Any] = {"error": None, "incomplete_details": None, "output": [], "usage": None}
        return {**self.head, "status": status, **empty, **known}

    def _message(self, status: str, *parts: dict[str, Any]) -> dict[str, Any]:
        content = list(parts)
        return {"id": self.message_id, "type": "message", "role": "assistant", "status": status, "content": content}


def responses_router(chat: Chat) -> APIRouter:
    """The route.

    Args:
        chat: The models.
    """
    router = APIRouter(prefix="/v1", tags=["OpenAI"])
    refused = documented("unsupported_parameter", "invalid_messages", "model_not_found", *OF_BODIES, *OF_ANSWERS)

    @router.post("/responses", response_model=None, responses=OR_EVENTS | refused)
    async def create_response(body: ResponsesRequest, request: Request) -> JSONResponse | EventSourceResponse:
        body.check_supported()
        state = request.state
        answer = await chat.answer(body.chat(), state.request_id, state.caller, state.version)
        form = ResponsesFormat(body, state.request_id, answer)
        if body.stream:
            return EventSourceResponse(form.events(), headers=STREAM_HEADERS)
        return JSONResponse(await while_connected(request, form.whole()))

    return router


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _usage(usage: dict[str, int]) -> dict[str, Any]:
    return {
        "input_tokens": usage["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": usage["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage["total_tokens"],
    }
