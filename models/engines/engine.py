"""The contract of an engine, local or remote."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from common.errors import UserError
from models.prompt_format import Turn

Conversation = Sequence[Turn]

OnText = Callable[[int, str], bool]
"""Called with (row, new text) while generating; returning False cancels that row."""


@dataclass(frozen=True)
class Sampling:
    """How answers are sampled; the default is greedy and therefore reproducible.

    Attributes:
        max_new_tokens: Most tokens an answer may have.
        temperature: 0 is greedy.
        top_p: Nucleus mass, in (0, 1].
        seed: Makes a sampled answer reproducible.
    """

    max_new_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None


@dataclass(frozen=True)
class Completion:
    """A generated answer.

    Attributes:
        finish_reason: ``stop`` (the model ended it), ``length`` (cut at ``max_new_tokens``) or ``cancelled``.
    """

    text: str
    finish_reason: Literal["stop", "length", "cancelled"]
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Score:
    """Log-probability of the last assistant turn of a conversation.

    Attributes:
        logprob: Sum over its tokens, the stop token included, nats.
        tokens: Number of tokens.
    """

    logprob: float
    tokens: int


class Engine(Protocol):
    """Runs one model. Conversations given together run as one batch."""

    @property
    def model_version(self) -> str:
        """Name reported with each answer."""
        ...

    @property
    def continuous(self) -> bool:
        """Whether conversations join while others run; then each is given alone, by a thread of its own."""
        ...

    @property
    def context_length(self) -> int:
        """Most tokens of prompt and answer together."""
        ...

    def count_prompt_tokens(self, conversation: Conversation) -> int:
        """Tokens of the conversation's prompt; of the whole conversation where it ends with an answer."""
        ...

    def generate(
        self, conversations: Sequence[Conversation], sampling: Sequence[Sampling], on_text: OnText | None = None
    ) -> list[Completion]:
        """Answers conversations that end with a user turn.

        All rows must have the same temperature, top_p and seed; ``max_new_tokens`` may differ. With ``on_text`` the
        text is also streamed while it grows; concatenated, the pieces of a row are its completion's text.
        """
        ...

    def score(self, conversations: Sequence[Conversation]) -> list[Score]:
        """Scores the last assistant turn of each conversation."""
        ...


def room(prompt_tokens: int, wanted: int, context_length: int) -> int:
    """Most tokens that an answer may have after a prompt.

    Raises:
        UserError: The prompt leaves no room within the context length.
    """
    left = context_length - prompt_tokens
    if left < 1:
        raise UserError(
            f"the prompt has {prompt_tokens} tokens and the model's context is {context_length}",
            fix="shorten the question or the history",
        )
    return min(wanted, left)
