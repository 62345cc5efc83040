"""``/tokenize`` and ``/detokenize`` in vLLM's format, for clients that count or check what the model alone is given."""

from typing import Self

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.api.chat import ChatMessage
from app.api.errors import OF_ANSWERS, OF_BODIES, documented
from app.api.generation import check_neutral
from app.api.served_models import ServedModels
from app.backends.backend import Backend


class TokenizeRequest(BaseModel):
    """Body of ``POST /tokenize``.

    Attributes:
        model: The model alone; it need not be named.
        prompt: A text, tokenised as it is.
        messages: A conversation, tokenised as the prompt that it becomes.
        add_special_tokens: Whether a text begins as the tokenizer begins one.
        return_token_strs: Whether each token's text is returned, too.
    """

    model_config = ConfigDict(extra="allow")
    model: str | None = None
    prompt: str | None = None
    messages: list[ChatMessage] | None = Field(None, min_length=1)
    add_special_tokens: bool = True
    return_token_strs: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.prompt is None) == (self.messages is None):
            raise ValueError("请给出 prompt 或 messages 之一 · give prompt or messages")
        return self


class Tokenized(BaseModel):
    """What ``/tokenize`` answers.

    Attributes:
        max_model_len: Most tokens of prompt and answer together.
    """

    count: int
    max_model_len: int
    tokens: list[int]
    token_strs: list[str] | None


class DetokenizeRequest(BaseModel):
    """Body of ``POST /detokenize``."""

    model_config = ConfigDict(extra="forbid")
    model: str | None = None
    tokens: list[int]


class Detokenized(BaseModel):
    """What ``/detokenize`` answers."""

    prompt: str


def tokens_router(models: ServedModels) -> APIRouter:
    """The routes; those of the model alone, where it is served.

    Args:
        models: Names that clients may give.
    """
    router = APIRouter(tags=["tokens"])
    refused = documented("unsupported_parameter", "model_not_found", *OF_BODIES, *OF_ANSWERS)

    @router.post("/tokenize", responses=refused)
    async def tokenize(body: TokenizeRequest, request: Request) -> Tokenized:
        models.check_raw(body.model or models.raw_name)
        request.state.caller.check("raw")
        check_neutral(body.model_extra)
        backend: Backend = request.state.version.backend
        if body.prompt is not None:
            ids = await backend.encode(body.prompt, beginning=body.add_special_tokens)
        else:
            assert body.messages is not None
            ids = await backend.prompt_ids(body.messages)
        strings = await backend.decode([[token] for token in ids]) if body.return_token_strs else None
        return Tokenized(count=len(ids), max_model_len=backend.context_length, tokens=ids, token_strs=strings)

    @router.post("/detokenize", responses=refused)
    async def detokenize(body: DetokenizeRequest, request: Request) -> Detokenized:
        models.check_raw(body.model or models.raw_name)
        request.state.caller.check("raw")
        [text] = await request.state.version.backend.decode([body.tokens])
        return Detokenized(prompt=text)

    return router
