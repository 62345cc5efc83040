"""``/v1/completions``: texts continued by the model alone, as programs and test harnesses (lm_eval) need them.

Nothing of the pipeline applies: no prompt format, no rules, no sources, no label. So only ``NAME-raw`` is served here,
where ``serve.raw_model`` allows it. ``echo`` with ``logprobs`` gives the log-probability of every token of the prompt.
"""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse
from pydantic import Field

from app.access.caller import Caller
from app.api.chat_answer import NOT_ENDED, StopStrings
from app.api.disconnect import while_connected
from app.api.errors import OF_ANSWERS, OF_BODIES, ApiError, documented, of_backend
from app.api.generation import GenerationRequest, one_of
from app.api.served_models import ServedModels
from app.api.sse import DONE, OR_EVENTS, STREAM_HEADERS, event
from app.api.usage import usage
from app.backends.backend import Backend, BackendError
from app.config import ServeConfig
from models.conversation import Continuation
from models.engines.engine import Completion, TokenLogprob

MOST_LOGPROBS = 20
"""As OpenAI's chat API; its completions API has 5."""

Ids = Annotated[list[int], Field(min_length=1)]


class CompletionRequest(GenerationRequest):
    """Body of ``POST /v1/completions``.

    Attributes:
        prompt: A text, token ids, or a list of either.
        max_tokens: Most tokens of the continuation; 0 with ``echo`` only reads the prompt.
        echo: Whether the prompt is part of the text.
        logprobs: How many of the likeliest tokens are reported beside each.
        add_special_tokens: Whether a text begins as the tokenizer begins one.
    """

    prompt: Annotated[
        str | Ids | Annotated[list[str], Field(min_length=1)] | Annotated[list[Ids], Field(min_length=1)],
        one_of("a text, token ids, or a list of either; no list may be empty"),
    ]
    max_tokens: int | None = Field(None, ge=0)
    echo: bool | None = None
    logprobs: int | None = Field(None, ge=0, le=MOST_LOGPROBS)
    add_special_tokens: bool = True

    @property
    def prompts(self) -> list[str | list[int]]:
        """Each of the prompts."""
        if isinstance(self.prompt, str):
            return [self.prompt]
        ids = [token for token in self.prompt if isinstance(token, int)]
        return [ids] if ids else [one for one in self.prompt if not isinstance(one, int)]

    def check_supported(self) -> None:
        """See ``GenerationRequest``."""
        super().check_supported()
        if self.stream and len(self.prompts) > 1:
            raise ApiError("unsupported_parameter", "stream takes one prompt, not a list of them", param="stream")
        if self.stream and self.logprobs is not None:
            raise ApiError("unsupported_parameter", "logprobs are not streamed; give stream=false", param="logprobs")
        if self.max_tokens == 0 and not self.echo:
            raise ApiError("unsupported_parameter", "max_tokens=0 needs echo=true", param="max_tokens")


@dataclass(frozen=True)
class Continued:
    """A continuation on its way.

    Attributes:
        prompt: What comes before its text, where ``echo`` was asked for.
        reply: The text.
    """

    prompt: str | None
    reply: StopStrings

    async def choice(self, index: int, wants_logprobs: bool) -> tuple[dict[str, Any], Completion]:
        """The whole continuation in OpenAI's format.

        Raises:
            BackendError: The model failed.
        """
        *pieces, completion = [piece async for piece in self.reply]
        assert isinstance(completion, Completion)
        text = (self.prompt or "") + "".join(map(str, pieces))
        tokens = completion.logprobs[completion.prompt_tokens if self.prompt is None else 0 :]
        logprobs = _logprobs(tokens, len(text) if self.reply.stopped_at else None) if wants_logprobs else None
        reasons = self.reply.reasons(completion.finish_reason)
        return {"index": index, "text": text, "logprobs": logprobs, **reasons}, completion


class Completions:
    """The model behind ``/v1/completions``.

    Args:
        models: Its name.
        config: Limits and defaults.
    """

    def __init__(self, models: ServedModels, config: ServeConfig) -> None:
        self.models, self.config = models, config

    async def accept(self, body: CompletionRequest, caller: Caller, backend: Backend) -> list[Continued]:
        """The continuations on their way, one per prompt.

        Args:
            body: What is continued.
            caller: Who asks.
            backend: What answers.

        Raises:
            ApiError: The request asks for what is not served.
            BackendError: It is not answered.
        """
        self.models.check_raw(body.model)
        caller.check("raw")
        body.check_supported()
        prompts, stops = body.prompts, body.stops
        if len(prompts) > self.config.queue_limit:
            raise ApiError("invalid_request", f"at most {self.config.queue_limit} prompts at once", param="prompt")
        tokens = self.config.answer_tokens(body.max_tokens)
        sampling = replace(body.sampling(self.config), max_new_tokens=tokens, logprobs=body.logprobs)
        accepted: list[Continued] = []
        try:
            for prompt in prompts:
                ids = await _ids(backend, prompt, body.add_special_tokens)
                echoed = await _text(backend, prompt) if body.echo else None
                reply = await backend.stream(Continuation(tuple(ids)), sampling)
                accepted.append(Continued(echoed, StopStrings(caller.metered(reply), stops)))
        except BaseException:
            cancel(accepted)
            raise
        return accepted


async def _ids(backend: Backend, prompt: str | list[int], beginning: bool) -> list[int]:
    return await backend.encode(prompt, beginning=beginning) if isinstance(prompt, str) else prompt


async def _text(backend: Backend, prompt: str | list[int]) -> str:
    if isinstance(prompt, str):
        return prompt
    [text] = await backend.decode([prompt])
    return text


def cancel(continued: Sequence[Continued]) -> None:
    """Ends what is no longer needed."""
    for one in continued:
        one.reply.cancel()


class CompletionFormat:
    """The frame of one answer in OpenAI's format.

    Args:
        answer_id: Name of the answer.
        model: Name of the model that answers.
        version: Id of its version, in the place that OpenAI has for that.
    """

    def __init__(self, answer_id: str, model: str, version: str) -> None:
        kind, created = "text_completion", int(time.time())
        self.head = {"id": answer_id, "object": kind, "created": created, "model": model, "system_fingerprint": version}

    async def whole(self, continued: Sequence[Continued], wants_logprobs: bool) -> dict[str, Any]:
        """The ``text_completion``.

        Raises:
            BackendError: The model failed.
        """
        try:
            ended = [await one.choice(index, wants_logprobs) for index, one in enumerate(continued)]
        finally:
            cancel(continued)
        counts = [usage(completion) for _, completion in ended]
        added = {name: sum(count[name] for count in counts) for name in counts[0]}
        return {**self.head, "choices": [choice for choice, _ in ended], "usage": added}

    async def events(self, continued: Continued, usage_wanted: bool) -> AsyncIterator[bytes]:
        """The events of a stream, an error among them where the model fails."""
        try:
            if continued.prompt:
                yield self._chunk(continued.prompt)
            async for piece in continued.reply:
                if isinstance(piece, str):
                    yield self._chunk(piece)
                    continue
                yield self._chunk("", continued.reply.reasons(piece.finish_reason))
                if usage_wanted:
                    yield event({**self.head, "choices": [], "usage": usage(piece)})
        except BackendError as error:
            yield event(of_backend(error).body())
        finally:
            cancel([continued])
        yield DONE

    def _chunk(self, text: str, reasons: Any = NOT_ENDED) -> bytes:
        return event({**self.head, "choices": [{"index": 0, "text": text, "logprobs": None, **reasons}]})


def completions_router(completions: Completions) -> APIRouter:
    """The route of completions."""
    router = APIRouter(prefix="/v1", tags=["OpenAI"])
    refused = documented("unsupported_parameter", "invalid_stop", "model_not_found", *OF_BODIES, *OF_ANSWERS)

    @router.post("/completions", response_model=None, responses=OR_EVENTS | refused)
    async def complete(body: CompletionRequest, request: Request) -> JSONResponse | EventSourceResponse:
        state, version = request.state, request.state.version
        continued = await completions.accept(body, state.caller, version.backend)
        model = completions.models.answering(body.model, version)
        form = CompletionFormat(f"cmpl-{state.request_id}", model, version.id)
        if body.stream:
            return EventSourceResponse(form.events(continued[0], body.usage_wanted), headers=STREAM_HEADERS)
        return JSONResponse(await while_connected(request, form.whole(continued, body.logprobs is not None)))

    return router


def _logprobs(tokens: Sequence[TokenLogprob], length: int | None) -> dict[str, list[Any]]:
    """Log-probabilities in the format of OpenAI's completions API.

    Args:
        tokens: The tokens of the text.
        length: Characters of the text where a stop string has cut it: tokens from there on are not part of it.
    """
    offsets = [0]
    for token in tokens:
        offsets.append(offsets[-1] + len(token.text))
    kept = [(token, at) for token, at in zip(tokens, offsets, strict=False) if length is None or at < length]
    return {
        "tokens": [token.text for token, _ in kept],
        "token_logprobs": [token.logprob for token, _ in kept],
        "top_logprobs": [_top(token) for token, _ in kept],
        "text_offset": [at for _, at in kept],
    }


def _top(token: TokenLogprob) -> dict[str, float] | None:
    """The likeliest tokens and the token itself; of two that look alike, parts of characters, the likelier."""
    if token.logprob is None:
        return None
    top: dict[str, float] = {}
    for text, logprob in (*token.likeliest, (token.text, token.logprob)):
        top.setdefault(text, logprob)
    return top
