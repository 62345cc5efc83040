"""A prompting strategy: how a question is put to a model, in how many calls, and which reply is its answer.

A strategy is a generator. It yields requests, is sent the replies, and returns one of them as the answer; so it knows
neither engines nor datasets. Evaluations answer the items of many of them in the same batches (``eval/solving.py``);
the service puts one in front of its model (``app/backends/strategy.py``).
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from pydantic import Field

from common.command import Config
from common.hashing import sha256_text
from data_recipes.schema.demonstration import Choice
from data_recipes.schema.example import Message
from models.conversation import Turn


class StrategyConfig(Config):
    """What every strategy has.

    Attributes:
        name: Of the strategy.
        shots: Solved items of the training split before each question of an evaluation; 0 for none.
        choice: ``fixed``: the same ones for every item of a kind; ``random``: drawn for each item; ``similar``: the
            nearest by BM25.
    """

    name: str
    shots: int = Field(default=0, ge=0, le=32)
    choice: Choice = "fixed"


class Question(NamedTuple):
    """What is asked.

    Attributes:
        id: Samples are seeded by it.
        messages: The conversation, whose last turn is the user's.
        options: Whether the answer is the letter of an option.
    """

    id: str
    messages: tuple[Turn, ...]
    options: bool = False

    @property
    def text(self) -> str:
        """What is asked last."""
        return self.messages[-1].content


class ModelCall(NamedTuple):
    """One call of a model.

    Attributes:
        messages: The conversation, whose last turn is the user's.
        temperature: 0 is greedy.
        seed: Of a sampled answer.
    """

    messages: tuple[Turn, ...]
    temperature: float = 0.0
    seed: int | None = None


class ModelReply(Protocol):
    """What a strategy reads of a reply."""

    @property
    def text(self) -> str:
        """The whole text."""
        ...


Solving = Generator[Sequence[ModelCall], Sequence[Any], Any]
"""Yields requests, is sent their replies (each a ``ModelReply``), returns one of them."""


@dataclass(frozen=True)
class Strategy:
    """One strategy.

    Attributes:
        described: What readers see, in Chinese and English.
        config: Its configuration; the default of ``name`` is its name in the table.
        solve: Answers a question; the last argument is the seed of what is sampled.
        calls: Most calls per question.
    """

    described: tuple[str, str]
    config: type[StrategyConfig]
    solve: Callable[[Any, Question, int], Solving]
    calls: Callable[[Any], int]


def asking(question: Question, text: str, temperature: float = 0.0, seed: int | None = None) -> ModelCall:
    """The same conversation with another text as its last question."""
    return ModelCall((*question.messages[:-1], Message(role="user", content=text)), temperature, seed)


def seed_of(seed: int, question: Question, *what: object) -> int:
    """The seed of one sample of a question: it depends on nothing else that is asked."""
    return int(sha256_text(" ".join(map(str, (seed, question.id, *what))))[:8], 16)
