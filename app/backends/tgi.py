"""text-generation-inference, through ``huggingface_hub``'s client, the successor of the one that came with the server.

The server takes a prompt as text alone and puts its tokenizer's own beginning before it. So it gets our rendered text
without that beginning, and only where the same tokenizer here makes exactly our ids of it.
"""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Literal, cast

import httpx2
from huggingface_hub import AsyncInferenceClient
from huggingface_hub.errors import OverloadedError, TextGenerationError, ValidationError
from loguru import logger

from app.backends.backend import UnsupportedConversation
from app.backends.upstream import (
    AnswerPiece,
    Ended,
    Garbled,
    Rejected,
    RenderedPrompt,
    Room,
    Unreachable,
    UpstreamConnection,
    check_status,
    compare,
    fixed_conversations,
    upstream_call,
)
from app.config import UpstreamConfig
from common.errors import Refused, UserError
from models.engines.engine import Sampling
from models.prompt_format import PromptFormat, beginning_of

ENDS: Mapping[str, Literal["stop", "length"]] = {"eos_token": "stop", "stop_sequence": "stop", "length": "length"}


class _Client(AsyncInferenceClient):
    """One request. Closing it ends the request, and leaves the connections to the backend.

    Args:
        connection: Address and key.
        http: The connections.
        headers: What else the server is told.
    """

    def __init__(self, connection: UpstreamConnection, http: httpx2.AsyncClient, headers: dict[str, str]) -> None:
        # with no token at all, the user's own would be looked for and sent
        token = connection.key or "none"
        url, timeout = f"{connection.root}/generate_stream", cast(float, http.timeout)
        super().__init__(url, token=token, timeout=timeout, headers=headers)
        self.http = http

    async def _get_async_client(self) -> httpx2.AsyncClient:
        """The backend's connections; the library opens some for each request, by the environment's proxies."""
        return self.http


class TgiServer:
    """The model of a server; see ``Upstream``.

    Args:
        prompt_format: The model's.
        config: Where the server is, and the model's name there.
    """

    lacks = ("min_p", "presence_penalty", "dry_multiplier")

    def __init__(self, prompt_format: PromptFormat, config: UpstreamConfig) -> None:
        self.prompt_format, self.model = prompt_format, config.model
        self.connection = UpstreamConnection(config)
        self.beginning = beginning_of(prompt_format.tokenizer)
        self._http: httpx2.AsyncClient | None = None

    async def verify(self) -> Room:
        """See ``Upstream.verify``."""
        info = await self.connection.read("/info")
        try:
            name, room = str(info["model_id"]), Room(int(info["max_total_tokens"]), int(info["max_input_tokens"]))
        except (KeyError, TypeError, ValueError):
            raise UserError(
                "its /info is not that of text-generation-inference", where="upstream.url", fix="engine=openai?"
            ) from None
        if self.model and self.model != name:
            raise UserError(f"the server does not have {self.model!r}; it has: {name}", where="upstream.model")
        logger.info("text-generation-inference serves {}", name)
        for probe, conversation in fixed_conversations().items():
            prompt = RenderedPrompt.of(conversation, self.prompt_format)
            try:
                self.check(prompt)
            except UnsupportedConversation as error:
                raise Refused(f"{error}; -> serve it with vLLM, SGLang or llama.cpp: engine=openai") from None
            tokens = await self.connection.read("/tokenize", {"inputs": self._inputs(prompt)})
            try:
                theirs = [int(token["id"]) for token in tokens]
            except (KeyError, TypeError, ValueError):
                raise Garbled("/tokenize has not the form that it should have") from None
            compare(probe, prompt.ids, theirs, self.prompt_format)
        logger.info("text-generation-inference gives the same token ids as in training")
        return room

    def check(self, prompt: RenderedPrompt) -> None:
        """See ``Upstream.check``.

        Raises:
            UnsupportedConversation: Encoded whole, the text has other ids: an earlier answer would be cut otherwise.
        """
        if self.prompt_format.tokenizer.encode(self._inputs(prompt)) != list(prompt.ids):
            problem = "text-generation-inference would read other tokens than the model was trained on"
            raise UnsupportedConversation(f"{problem}; ask without the turns before")

    async def answer(
        self, prompt: RenderedPrompt, most: int, sampling: Sampling
    ) -> AsyncGenerator[AnswerPiece | Ended, None]:
        """See ``Upstream.answer``."""
        with upstream_call("POST /generate_stream") as headers:
            async with (
                _Client(self.connection, self._connections(), headers) as client,
                aclosing(self._answered(client, prompt, most, sampling)) as pieces,
            ):
                async for piece in pieces:
                    yield piece

    async def _answered(
        self, client: _Client, prompt: RenderedPrompt, most: int, sampling: Sampling
    ) -> AsyncGenerator[AnswerPiece | Ended, None]:
        try:
            events = await client.text_generation(
                self._inputs(prompt),
                stream=True,
                details=True,
                max_new_tokens=most,
                stop=list(self.prompt_format.stop),
                **_sampled(sampling),
            )
            async with aclosing(_read(events)) as pieces:
                async for piece in pieces:
                    yield piece
        except httpx2.HTTPError as error:  # its message may have what was received
            raise Unreachable(f"no connection, or it was lost ({type(error).__name__})") from None

    async def close(self) -> None:
        """See ``Upstream.close``."""
        await self.connection.close()
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    def _connections(self) -> httpx2.AsyncClient:
        """Those of the event loop that first asks for them after ``close``."""
        if self._http is None:
            self._http = httpx2.AsyncClient(
                trust_env=False,
                verify=self.connection.root.startswith("https:"),  # plain HTTP needs no certificates
                timeout=httpx2.Timeout(None, connect=self.connection.connect_s),
                limits=httpx2.Limits(max_connections=None),
                event_hooks={"response": [_check_status]},
            )
        return self._http

    def _inputs(self, prompt: RenderedPrompt) -> str:
        return prompt.text.removeprefix(self.beginning)


async def _check_status(response: httpx2.Response) -> None:
    check_status(response.status_code, response.headers)


def _sampled(sampling: Sampling) -> dict[str, Any]:
    """The sampling in the server's words; neutral values are none of its. Penalties count the prompt's tokens too."""
    penalties: dict[str, Any] = {
        "repetition_penalty": sampling.repetition_penalty,
        "frequency_penalty": sampling.frequency_penalty,
    }
    if sampling.response_format is not None:
        penalties["grammar"] = {"type": "json", "value": json.loads(sampling.response_format)}
    if sampling.temperature == 0:
        return penalties | {"do_sample": False}
    limits: dict[str, Any] = {"top_k": sampling.top_k or None, "top_p": sampling.top_p if sampling.top_p < 1 else None}
    return penalties | limits | {"do_sample": True, "temperature": sampling.temperature, "seed": sampling.seed}


async def _read(events: Any) -> AsyncGenerator[AnswerPiece | Ended, None]:
    """The client's events in our form; what it cannot read, and what the server reports as an error, becomes ours."""
    details = None
    try:
        async for event in events:
            # the special token that ends the answer has a text, too
            yield AnswerPiece("" if event.token.special else _text(event.token.text), (int(event.token.id),))
            details = event.details or details
        if details is None:
            raise Garbled("the answer ends before its end")
        yield Ended(ENDS[details.finish_reason], details.input_length, details.generated_tokens)
    except OverloadedError:
        raise Rejected(429) from None
    except ValidationError:
        raise Rejected(422) from None
    except TextGenerationError:
        raise Garbled("it reports an error within the answer") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Garbled("it sends what is not an event") from None


def _text(text: Any) -> str:
    if not isinstance(text, str):
        raise TypeError
    return text
