"""The contract of a backend, in this process or elsewhere, and the errors that it raises. Nothing here knows HTTP."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from loguru import logger

from common.errors import UserError
from models.conversation import Conversation, Prompt
from models.engines.engine import Completion, Sampling

Asked = TypeVar("Asked")
Result = TypeVar("Result")


@dataclass(frozen=True)
class ChatTurn:
    """One turn of a conversation that the service itself assembles."""

    role: Literal["system", "user", "assistant"]
    content: str


class AnswerStream(Protocol):
    """An answer in progress. The caller who asked for it also cancels it when it is no longer needed."""

    def __aiter__(self) -> AsyncIterator[str | Completion]:
        """The text piece by piece, then its completion.

        Raises:
            GenerationFailed: The model failed.
            ModelMissing: The server that runs the model does not answer.
            Overloaded: It has too much to do.
            Stopping: The service stopped before the model began.
        """
        ...

    def cancel(self) -> None:
        """Ends the answer at the next token; harmless when it has ended."""
        ...


class AnswerEvents:
    """What becomes of an answer, in a queue of the event loop, for an ``AnswerStream`` to be read from."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[str | Completion | BackendError] = asyncio.Queue()

    async def __aiter__(self) -> AsyncIterator[str | Completion]:
        """See ``AnswerStream``."""
        while isinstance(event := await self._events.get(), str):
            yield event
        if isinstance(event, BackendError):
            raise event
        yield event


class Backend(Protocol):
    """Answers conversations, and continues texts, with one model."""

    @property
    def model_version(self) -> str:
        """Name reported with each answer."""
        ...

    @property
    def context_length(self) -> int:
        """Most tokens of prompt and answer together.

        Raises:
            ModelMissing: There is no model.
        """
        ...

    async def count(self, conversation: Conversation) -> int:
        """Tokens of the prompt that the conversation becomes.

        Raises:
            UnsupportedConversation: The model's prompt format has no way to write it.
            ModelMissing: There is no model.
        """
        ...

    async def prompt_ids(self, conversation: Conversation) -> list[int]:
        """Token ids of the prompt that the conversation becomes.

        Raises:
            UnsupportedConversation: The model's prompt format has no way to write it.
            ModelMissing: There is no model.
        """
        ...

    async def encode(self, text: str, *, beginning: bool) -> list[int]:
        """Token ids of a text as it is.

        Args:
            text: The text.
            beginning: Whether the tokens that the tokenizer puts before a text come first.

        Raises:
            ModelMissing: There is no model.
        """
        ...

    async def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """The text of each row of token ids, special tokens included.

        Raises:
            UnsupportedConversation: There are no such tokens.
            ModelMissing: There is no model.
        """
        ...

    async def stream(self, prompt: Prompt, sampling: Sampling) -> AnswerStream:
        """Accepts a conversation that ends with a user turn, or a text, and answers it while the reply is read.

        Raises:
            UnsupportedConversation: The model's prompt format has no way to write it.
            UnsupportedSampling: The engine has no such setting.
            PromptTooLong: It leaves no room for an answer.
            Overloaded: Too many requests are waiting.
            ModelMissing: There is no model.
            Stopping: The service is stopping.
        """
        ...

    async def ready(self) -> bool:
        """Whether the model has answered and takes requests.

        Raises:
            ModelMissing: There is no model.
            Stopping: The service is stopping.
        """
        ...

    @property
    def busy(self) -> bool:
        """Whether accepted conversations are still being answered."""
        ...

    @property
    def waiting(self) -> int:
        """How many accepted conversations wait for their place."""
        ...

    async def start(self) -> None:
        """Begins to take conversations."""
        ...

    def drain(self) -> None:
        """Refuses new conversations; the accepted ones are answered."""
        ...

    async def close(self) -> None:
        """Ends what still runs and frees the model."""
        ...


class BackendError(Exception):
    """A conversation that is not answered; the message never contains the user's text."""


class UnsupportedConversation(BackendError):
    """For example two user turns in a row, or a token id that the model does not have."""


class UnsupportedSampling(BackendError):
    """The engine has no such setting, or no such value of it.

    Args:
        name: The setting.
        reason: Why, where it is that value.
    """

    def __init__(self, name: str, reason: str = "") -> None:
        super().__init__(f"the engine of this service does not support {name}{reason and f': {reason}'}")
        self.name = name


class PromptTooLong(BackendError):
    """The prompt leaves no room for an answer."""

    def __init__(self, tokens: int, context_length: int) -> None:
        super().__init__(f"the prompt has {tokens} tokens and the model's context {context_length}; shorten it")


class TextTooLong(BackendError):
    """The question is longer than the service reads."""

    def __init__(self, most: int) -> None:
        super().__init__(f"a question may have at most {most} characters here; shorten it")


class GenerationFailed(BackendError):
    """The model failed; the log has the details."""

    def __init__(self) -> None:
        super().__init__("the model failed on this request; try again")


class Unavailable(BackendError):
    """The service cannot answer now.

    Args:
        problem: What is wrong.
        retry_after: When to try again, in seconds.
    """

    def __init__(self, problem: str, retry_after: int) -> None:
        super().__init__(f"{problem}; try again in {retry_after} s")
        self.retry_after = retry_after


class Overloaded(Unavailable):
    """Too many requests are waiting."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many requests are waiting", retry_after)


class ModelMissing(Unavailable):
    """There is no model to answer: it could not be loaded, or its server does not answer; the log has the reason."""

    def __init__(self, problem: str = "the model could not be loaded", retry_after: int = 60) -> None:
        super().__init__(problem, retry_after)


class Stopping(Unavailable):
    """The service is stopping; another one may take its place."""

    def __init__(self) -> None:
        super().__init__("the service is stopping", retry_after=5)


def log_failure(what: str, error: Exception) -> None:
    """Logs an unexpected error without its message and values: they may hold what a patient wrote.

    Args:
        what: What failed.
        error: The error.
    """
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("{} failed: {}\n{}", what, type(error).__name__, frames)


async def in_thread(work: Callable[[Asked], Result], asked: Asked) -> Result:
    """What a tokenizer says about a text: reading a long one takes a while.

    Raises:
        UnsupportedConversation: The model has no way to read it.
    """
    try:
        return await asyncio.to_thread(work, asked)
    except UserError as error:
        raise UnsupportedConversation(error.problem) from None
