"""A server that runs the model: its contract, what can go wrong, and the connection to it.

Nothing that a server sends is part of an error: it may repeat what a patient wrote.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import aiohttp
from opentelemetry.trace import StatusCode

from app.config import UpstreamConfig
from app.tracing import TRACING, passed_on
from common.errors import Refused, UserError
from models.conversation import Continuation, Prompt
from models.engines.engine import Sampling
from models.prompt_format import PROBES, PromptFormat

LONGEST_LINE = 2**20
"""Bytes of an event beyond which it is none."""


@dataclass(frozen=True)
class RenderedPrompt:
    """What a server is asked, as ids and as the text that they are the ids of.

    Attributes:
        ids: Token ids, ``[seq]``.
        text: Their text, special tokens included.
        is_conversation: Whether an answer is expected, whose surrounding spaces are dropped; else the text goes on.
    """

    ids: Sequence[int]
    text: str
    is_conversation: bool = True

    @classmethod
    def of(cls, prompt: Prompt, prompt_format: PromptFormat) -> "RenderedPrompt":
        """Renders a conversation that ends with a user turn; what is to be continued is given as ids.

        Raises:
            UserError: The format has no way to write it, or there are no such tokens.
        """
        ids = prompt_format.prompt_ids(prompt)
        if isinstance(prompt, Continuation):
            return cls(ids, prompt_format.text_of(ids), is_conversation=False)
        return cls(ids, prompt_format.prompt_text(prompt))


@dataclass(frozen=True)
class AnswerPiece:
    """A piece of an answer.

    Attributes:
        text: Its text, which may be empty.
        tokens: The ids that it was made from; empty where the server does not say.
    """

    text: str
    tokens: Sequence[int] = ()


@dataclass(frozen=True)
class Ended:
    """The end of an answer.

    Attributes:
        reason: Why it ended.
        prompt_tokens: Tokens of the prompt as the server counts; None where it does not say.
        completion_tokens: Likewise those of the answer.
    """

    reason: Literal["stop", "length"]
    prompt_tokens: int | None
    completion_tokens: int | None


@dataclass(frozen=True)
class Room:
    """What a server has room for, in tokens; None where it does not say.

    Attributes:
        context: Prompt and answer together.
        prompt: The prompt alone.
    """

    context: int | None
    prompt: int | None = None


class Upstream(Protocol):
    """A server that runs one model."""

    async def verify(self) -> Room:
        """Compares the server with the model whose prompt format is here: name and token ids.

        Raises:
            UserError: It is not such a server, or does not have the model.
            Refused: Its tokenizer gives other ids.
            UpstreamError: It does not answer.
        """
        ...

    @property
    def lacks(self) -> Sequence[str]:
        """Names of the settings of ``Sampling`` that it does not have; known once it is verified."""
        ...

    def check(self, prompt: RenderedPrompt) -> None:
        """Checks that the server can be given exactly this prompt.

        Raises:
            UnsupportedConversation: It would read other ids.
        """
        ...

    def answer(
        self, prompt: RenderedPrompt, most: int, sampling: Sampling
    ) -> AsyncGenerator[AnswerPiece | Ended, None]:
        """Continues a prompt by ``most`` tokens at most; closing the generator ends it at the server, too.

        Raises:
            UpstreamError: The server does not answer as it should.
        """
        ...

    async def close(self) -> None:
        """Closes the connections; the next request opens others, also on another event loop."""
        ...


class UpstreamError(Exception):
    """A server that does not answer as it should; the message has nothing of what it sent."""


class Unreachable(UpstreamError):
    """There is no connection, or it was lost."""


class Stalled(UpstreamError):
    """Nothing comes in time."""


class Garbled(UpstreamError):
    """An answer that has not the server's format, or ends before its end."""


class Rejected(UpstreamError):
    """An answer with another status than 200.

    Args:
        status: The status.
        retry_after: Seconds to wait, where the server says so.
    """

    def __init__(self, status: int, retry_after: int | None = None) -> None:
        super().__init__(f"it answers {status}")
        self.status, self.retry_after = status, retry_after


class UpstreamConnection:
    """HTTP to one server, directly: no proxy of the environment, and no redirect, learns what patients ask.

    Args:
        config: Address, key and time-outs.

    Attributes:
        root: The address.
        key: What it is asked with; empty where it needs none.

    Raises:
        UserError: There is no key in the file.
    """

    def __init__(self, config: UpstreamConfig) -> None:
        self.root, self.key, self.connect_s = config.root, _key(config.key_file), config.connect_s
        self._session: aiohttp.ClientSession | None = None

    async def read(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON that a GET, or a POST with a body, answers.

        Raises:
            UpstreamError: There is none.
        """
        async with self._response(path, body) as response:
            try:
                return json.loads(await response.read())
            except ValueError:
                raise Garbled(f"its answer to {path} is not JSON") from None

    async def events(self, path: str, body: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        """The data of each server-sent event that a POST answers.

        Raises:
            UpstreamError: There is no answer, it is lost, or it is not a stream of events.
        """
        async with self._response(path, body) as response:
            async for line in _lines(response.content.iter_any()):
                if line.startswith(b"data:"):
                    yield line[5:].strip()
                elif line and not line.startswith((b":", b"event:", b"id:", b"retry:")):
                    raise Garbled("it sends what is not an event")

    async def close(self) -> None:
        """Closes the connections; the next request opens others."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    @asynccontextmanager
    async def _response(self, path: str, body: Mapping[str, Any] | None) -> AsyncIterator[aiohttp.ClientResponse]:
        """A response with status 200; what is left of it at the end closes its connection."""
        method = "GET" if body is None else "POST"
        try:
            with upstream_call(f"{method} {path}") as headers:
                async with self._open_session().request(
                    method, self.root + path, json=body, allow_redirects=False, headers=headers
                ) as response:
                    check_status(response.status, response.headers)
                    try:
                        yield response
                    finally:
                        response.close()
        except aiohttp.ClientError as error:  # its message may have what was received
            raise Unreachable(f"no connection, or it was lost ({type(error).__name__})") from None

    def _open_session(self) -> aiohttp.ClientSession:
        """The session, of the event loop that first asks for it after ``close``."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.connect_s),
                headers={"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {self.key}"} if self.key else {}),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


@contextmanager
def upstream_call(name: str) -> Iterator[dict[str, str]]:
    """The span of a request to a server, and the headers that it is told by."""
    span = TRACING.call(name)
    try:
        yield passed_on(span)
    except BaseException as error:
        span.set_attribute("error.type", type(error).__name__)
        span.set_status(StatusCode.ERROR)
        raise
    finally:
        span.end()


def check_status(status: int, headers: Mapping[str, str]) -> None:
    """Checks that a server answers a request.

    Raises:
        Rejected: Its status is not 200.
    """
    if status != 200:
        seconds = headers.get("retry-after", "")
        raise Rejected(status, int(seconds) if seconds.isdecimal() else None)


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Cuts at line feeds alone: characters are whole again only then. What follows the last one is no line."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.rstrip(b"\r")
        if len(rest) > LONGEST_LINE:
            raise Garbled("it sends a line without end")


def _key(file: Path | None) -> str:
    """The key in a file; empty without one.

    Raises:
        UserError: The file is missing, or its content is not a key.
    """
    if file is None:
        return ""
    fix = "write the key of the server, and nothing else, into the file"
    try:
        key = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise UserError(f"{file} cannot be read", where="upstream.key_file", fix=fix) from None
    if not key.isascii() or not key.isprintable() or not key or " " in key:
        raise UserError(f"{file} does not contain one key in one line", where="upstream.key_file", fix=fix)
    return key


@dataclass(frozen=True)
class _Asked:
    role: str
    content: str


def fixed_conversations() -> Mapping[str, Sequence[_Asked]]:
    """What token ids are compared on, by what it probes: questions alone, as no answer of a model is part of them."""
    system = _Asked("system", "参考资料：高血压的症状有头痛、头晕。")
    questions = {name: [_Asked("user", text)] for name, text in PROBES.items()}
    return questions | {"a system turn": [system, _Asked("user", PROBES["Chinese"])]}


def compare(name: str, ours: Sequence[int], theirs: Sequence[int], prompt_format: PromptFormat) -> None:
    """Compares two readings of one of the fixed conversations.

    Raises:
        Refused: They differ; both are shown around the first difference.
    """
    if list(ours) == list(theirs):
        return
    pairs = enumerate(zip(ours, theirs, strict=False))
    first = next((place for place, (one, other) in pairs if one != other), min(len(ours), len(theirs)))

    def shown(ids: Sequence[int]) -> str:
        near = list(ids[max(0, first - 2) : first + 4])
        tokens = json.dumps(prompt_format.tokenizer.convert_ids_to_tokens(near), ensure_ascii=False)
        return f"{len(ids)} tokens, from {max(0, first - 2)} on: {near} {tokens}"

    raise Refused(
        f"服务器的词元与训练时不同（the server's tokenizer gives other ids than in training, {name}）:\n"
        f"  here:  {shown(ours)}\n"
        f"  there: {shown(theirs)}\n"
        "  -> serve the run's own directory there, with its tokenizer; or give the model= that it serves"
    )
