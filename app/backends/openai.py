"""Servers with OpenAI's completions API: vLLM, SGLang, llama.cpp, and any other that takes prompts as token ids.

They get ids in ``/v1/completions`` and never messages, which they would put into a template of their own. Which server
it is, ``owned_by`` of its model says; one that does not name itself is asked for OpenAI's parameters alone. Whatever a
server has a default for is sent: its own defaults may come from the model's files.
"""

import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal

from loguru import logger
from pydantic import BaseModel, ValidationError

from app.backends.upstream import (
    AnswerPiece,
    Ended,
    Garbled,
    Rejected,
    RenderedPrompt,
    Room,
    UpstreamConnection,
    compare,
    fixed_conversations,
)
from app.config import UpstreamConfig
from common.errors import UserError
from models.engines.engine import Sampling
from models.engines.llamacpp import llamacpp_sampling
from models.prompt_format import PromptFormat

ENDS: Mapping[str, Literal["stop", "length"]] = {"stop": "stop", "length": "length"}


class _Card(BaseModel):
    """A model of ``/v1/models``; ``parent`` is the base of a LoRA adapter."""

    id: str
    owned_by: str = ""
    parent: str | None = None
    max_model_len: int | None = None


class _Models(BaseModel):
    data: list[_Card]


class _Choice(BaseModel):
    text: str = ""
    finish_reason: str | None = None
    token_ids: list[int] | None = None


class _Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int


class _Chunk(BaseModel):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: Any = None


class _Tokens(BaseModel):
    tokens: list[int]


class _Slots(BaseModel):
    n_ctx: int


class _Props(BaseModel):
    """llama.cpp's; the context is that of one slot."""

    default_generation_settings: _Slots


def _openai(sampling: Sampling) -> dict[str, Any]:
    seed = {} if sampling.seed is None else {"seed": sampling.seed}
    names = ("temperature", "top_p", "frequency_penalty", "presence_penalty")
    return {name: getattr(sampling, name) for name in names} | seed


def _vllm(sampling: Sampling) -> dict[str, Any]:
    more = {"min_p": sampling.min_p, "repetition_penalty": sampling.repetition_penalty}
    schema = sampling.response_format
    structured = {} if schema is None else {"structured_outputs": {"json": json.loads(schema)}}
    return _openai(sampling) | more | structured | {"top_k": sampling.top_k or -1}


def _prompt_to_tokenize(model: str, text: str) -> dict[str, Any]:
    return {"model": model, "prompt": text, "add_special_tokens": False}


def _content_to_tokenize(model: str, text: str) -> dict[str, Any]:
    return {"content": text, "add_special": False, "parse_special": True}


@dataclass(frozen=True)
class ServerKind:
    """How one kind of server is asked.

    Attributes:
        name: Its name.
        sampling: Our settings in its words.
        lacks: Those that it does not have.
        takes_stop_ids: Whether it takes the ids that end an answer; others end at those that the model's files name.
        shows_ids: Whether it shows the ids of an answer on request.
        tokenize: What its ``/tokenize`` is asked for a model and a text; None where it has none.
    """

    name: str
    sampling: Callable[[Sampling], dict[str, Any]]
    lacks: Sequence[str]
    takes_stop_ids: bool = False
    shows_ids: bool = False
    tokenize: Callable[[str, str], dict[str, Any]] | None = None


UNKNOWN = ServerKind(
    "the server", _openai, lacks=("top_k", "min_p", "repetition_penalty", "dry_multiplier", "response_format")
)
SERVERS = {
    "vllm": ServerKind(
        "vLLM", _vllm, lacks=("dry_multiplier",), takes_stop_ids=True, shows_ids=True, tokenize=_prompt_to_tokenize
    ),
    # seeds have an effect in SGLang only with --enable-deterministic-inference
    "sglang": ServerKind(
        "SGLang",
        _vllm,
        lacks=("dry_multiplier", "seed", "response_format"),
        takes_stop_ids=True,
        tokenize=_prompt_to_tokenize,
    ),
    "llamacpp": ServerKind("llama.cpp", llamacpp_sampling, lacks=("response_format",), tokenize=_content_to_tokenize),
}
"""By ``owned_by`` of their models."""


class OpenAIServer:
    """One model of a server; see ``Upstream``.

    Args:
        prompt_format: The model's.
        config: Where the server is, and the model's name there.
    """

    def __init__(self, prompt_format: PromptFormat, config: UpstreamConfig) -> None:
        self.prompt_format = prompt_format
        self.connection = UpstreamConnection(config)
        self.server, self.model = UNKNOWN, config.model or ""

    @property
    def lacks(self) -> Sequence[str]:
        """See ``Upstream.lacks``."""
        return self.server.lacks

    async def verify(self) -> Room:
        """See ``Upstream.verify``."""
        cards = _read(_Models, await self.connection.read("/v1/models"), "/v1/models").data
        card = self._card(cards)
        self.model, self.server = card.id, SERVERS.get(card.owned_by, UNKNOWN)
        await self._compare_ids()
        return Room(context=await self._context(cards))

    def check(self, prompt: RenderedPrompt) -> None:
        """See ``Upstream.check``; ids are taken as they are."""

    async def answer(
        self, prompt: RenderedPrompt, most: int, sampling: Sampling
    ) -> AsyncGenerator[AnswerPiece | Ended, None]:
        """See ``Upstream.answer``."""
        reason = ""
        usage: _Usage | None = None
        body = self._body(prompt, most, sampling)
        async with aclosing(self.connection.events("/v1/completions", body)) as events:
            async for event in events:
                if event == b"[DONE]":
                    continue
                chunk = _read(_Chunk, event, "an event")
                if chunk.error is not None:
                    raise Garbled("it reports an error within the answer")
                for choice in chunk.choices:
                    if choice.text or choice.token_ids:
                        yield AnswerPiece(choice.text, choice.token_ids or ())
                    reason = choice.finish_reason or reason
                usage = chunk.usage or usage
        if reason not in ENDS:
            raise Garbled("the answer ends before its end")
        yield Ended(ENDS[reason], *((usage.prompt_tokens, usage.completion_tokens) if usage else (None, None)))

    async def close(self) -> None:
        """See ``Upstream.close``."""
        await self.connection.close()

    def _body(self, prompt: RenderedPrompt, most: int, sampling: Sampling) -> dict[str, Any]:
        body = {"model": self.model, "prompt": prompt.ids, "max_tokens": most}
        stream = {"stream": True, "stream_options": {"include_usage": True}}
        stops = {"stop_token_ids": self.prompt_format.stop_ids} if self.server.takes_stop_ids else {}
        ids = {"return_token_ids": True} if self.server.shows_ids else {}
        return body | stream | self.server.sampling(sampling) | stops | ids

    def _card(self, cards: Sequence[_Card]) -> _Card:
        """The model's, by its name; without one, that of the only model beside its adapters."""
        named = [card for card in cards if card.id == self.model] if self.model else _without_adapters(cards)
        if len(named) == 1:
            return named[0]
        known = ", ".join(card.id for card in cards) or "none"
        problem = f"the server does not have {self.model!r}" if self.model else "the server has several models"
        raise UserError(f"{problem}; it has: {known}", where="upstream.model", fix="give upstream.model=NAME")

    async def _compare_ids(self) -> None:
        if self.server.tokenize is None:
            logger.warning("{} has no /tokenize: its token ids cannot be compared with ours", self.server.name)
            return
        for name, conversation in fixed_conversations().items():
            prompt = RenderedPrompt.of(conversation, self.prompt_format)
            try:
                answer = await self.connection.read("/tokenize", self.server.tokenize(self.model, prompt.text))
            except Rejected as error:
                if error.status not in (404, 405):
                    raise
                logger.warning("{} has no /tokenize here: its token ids are not compared with ours", self.server.name)
                return
            compare(name, prompt.ids, _read(_Tokens, answer, "/tokenize").tokens, self.prompt_format)
        logger.info("{} gives the same token ids as in training", self.server.name)

    async def _context(self, cards: Sequence[_Card]) -> int | None:
        """What its slots or its base have room for."""
        if self.server is SERVERS["llamacpp"]:
            props: _Props = _read(_Props, await self.connection.read("/props"), "/props")
            return props.default_generation_settings.n_ctx
        return next((card.max_model_len for card in cards if card.max_model_len), None)


def _without_adapters(cards: Sequence[_Card]) -> list[_Card]:
    return [card for card in cards if card.parent is None]


def _read(form: type[BaseModel], answer: Any, what: str) -> Any:
    """What a server sent, in the form that it has to have."""
    try:
        return form.model_validate_json(answer) if isinstance(answer, bytes) else form.model_validate(answer)
    except ValidationError:
        raise Garbled(f"{what} has not the form that it should have") from None
