"""The API of text-generation-inference: ``/generate``, ``/generate_stream`` and ``/info``, for its old clients.

There ``inputs`` is a text that the model continues, written by the client with its own template. So this is the model
alone, as ``/v1/completions``: a question for the pipeline would be hidden in marks that no rule reads, and an answer
with sources and label would be taken for a continuation. Where ``serve.raw_model`` is false, there is only a 404 that
says so.
"""

from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse
from pydantic import BaseModel, ConfigDict, Field

from app.api.completions import CompletionRequest, Completions, Continued, cancel
from app.api.disconnect import while_connected
from app.api.errors import OF_ANSWERS, OF_BODIES, documented, of_backend
from app.api.generation import MOST_STOPS, check_neutral
from app.api.sse import OR_EVENTS, STREAM_HEADERS, event
from app.backends.backend import BackendError
from app.config import Factor, Nucleus, Penalty, ServeConfig, Temperature, TopK
from models.engines.engine import Completion

NEUTRAL: dict[str, tuple[Any, ...]] = {
    "best_of": (1,),
    "watermark": (False,),
    "decoder_input_details": (False,),
    "top_n_tokens": (0,),
    "typical_p": (1,),
}
"""What this service does not do, at the values that ask for nothing."""

REASONS = {"stop": "eos_token", "length": "length", "cancelled": "length"}


class TgiParameters(BaseModel):
    """How the text is continued; names are those of text-generation-inference.

    Attributes:
        do_sample: False is greedy, whatever the temperature.
        return_full_text: Whether the inputs are part of the text.
        details: Whether the reason of the end and the number of tokens are returned.
    """

    model_config = ConfigDict(extra="allow")
    max_new_tokens: int | None = Field(None, ge=1)
    do_sample: bool | None = None
    temperature: Temperature | None = None
    top_k: TopK | None = None
    top_p: Nucleus | None = None
    repetition_penalty: Factor | None = None
    frequency_penalty: Penalty | None = None
    seed: int | None = Field(None, ge=0, lt=2**63)
    stop: list[str] | None = None
    return_full_text: bool | None = None
    details: bool = False


class TgiRequest(BaseModel):
    """Body of ``POST /generate``.

    Attributes:
        inputs: The text to continue.
        stream: On ``POST /`` alone: whether the text comes as it grows.
    """

    model_config = ConfigDict(extra="forbid")
    inputs: str = Field(min_length=1)
    parameters: TgiParameters = TgiParameters()
    stream: bool = False

    def completion(self, model: str) -> CompletionRequest:
        """The same as a request to ``/v1/completions``."""
        given = self.parameters
        sampled = given.temperature if given.temperature is not None else 1.0
        return CompletionRequest(
            model=model,
            prompt=self.inputs,
            max_tokens=given.max_new_tokens,
            temperature={True: sampled, False: 0.0, None: given.temperature}[given.do_sample],
            top_k=given.top_k,
            top_p=given.top_p,
            repetition_penalty=given.repetition_penalty,
            frequency_penalty=given.frequency_penalty,
            seed=given.seed,
            stop=given.stop,
            echo=given.return_full_text,
        )


def tgi_router(completions: Completions, config: ServeConfig) -> APIRouter:
    """The routes.

    Args:
        completions: Continues texts.
        config: Limits.
    """
    router = APIRouter(tags=["text-generation-inference"])
    refused = documented("unsupported_parameter", "invalid_stop", "model_not_found", *OF_BODIES, *OF_ANSWERS)
    models = completions.models

    async def accepted(body: TgiRequest, request: Request) -> Continued:
        check_neutral(body.parameters.model_extra, NEUTRAL, "parameters.")
        caller, backend = request.state.caller, request.state.version.backend
        [continued] = await completions.accept(body.completion(models.raw_name), caller, backend)
        return continued

    @router.post("/generate", response_model=None, responses=refused)
    async def generate(body: TgiRequest, request: Request) -> JSONResponse:
        continued = await accepted(body, request)
        return JSONResponse(await while_connected(request, _whole(continued, body.parameters)))

    @router.post("/generate_stream", response_model=None, responses=OR_EVENTS | refused)
    async def generate_stream(body: TgiRequest, request: Request) -> EventSourceResponse:
        continued = await accepted(body, request)
        return EventSourceResponse(_events(continued, body.parameters), headers=STREAM_HEADERS)

    @router.post("/", response_model=None, responses=OR_EVENTS | refused)
    async def either(body: TgiRequest, request: Request) -> JSONResponse | EventSourceResponse:
        return await (generate_stream(body, request) if body.stream else generate(body, request))

    @router.get("/info", responses=documented("model_not_found", "model_unavailable"))
    async def info(request: Request) -> dict[str, Any]:
        models.check_raw(models.raw_name)
        request.state.caller.check("raw")
        version = request.state.version
        return {
            "model_id": models.answering(models.raw_name, version),
            "model_sha": version.id,
            "max_concurrent_requests": config.queue_limit + config.max_batch,
            "max_input_tokens": version.backend.context_length - 1,
            "max_total_tokens": version.backend.context_length,
            "max_stop_sequences": MOST_STOPS,
            "max_best_of": 1,
            "router": "xinglin",
        }

    return router


async def _whole(continued: Continued, parameters: TgiParameters) -> dict[str, Any]:
    try:
        choice, completion = await continued.choice(0, wants_logprobs=False)
    finally:
        cancel([continued])
    details = _details(continued, completion, parameters) | {"prefill": [], "tokens": []}
    return {"generated_text": choice["text"]} | ({"details": details} if parameters.details else {})


async def _events(continued: Continued, parameters: TgiParameters) -> AsyncIterator[bytes]:
    """Pieces of text, the last with the whole. A piece need not be one token, so it has no token's number."""
    said: list[str] = []
    try:
        async for piece in continued.reply:
            if isinstance(piece, str):
                said.append(piece)
                yield _piece(len(said), piece)
            else:
                text = (continued.prompt or "") + "".join(said)
                details = _details(continued, piece, parameters)
                yield _piece(len(said) + 1, "", generated_text=text, details=details)
    except BackendError as error:
        yield event(of_backend(error).body())
    finally:
        cancel([continued])


def _piece(index: int, text: str, **last: Any) -> bytes:
    token = {"id": None, "text": text, "logprob": None, "special": not text}
    return event({"index": index, "token": token, "generated_text": None, "details": None} | last)


def _details(continued: Continued, completion: Completion, parameters: TgiParameters) -> dict[str, Any]:
    reasons = continued.reply.reasons(completion.finish_reason)
    reason = "stop_sequence" if reasons["stop_reason"] else REASONS[str(reasons["finish_reason"])]
    return {"finish_reason": reason, "generated_tokens": completion.completion_tokens, "seed": parameters.seed}
