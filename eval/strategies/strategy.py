"""A prompting strategy: how an item is put to a model, in how many calls, and which text is its answer.

A strategy is a generator. It yields requests, is sent the replies, and returns one of them as the answer; so it knows
no engine, and many items are answered in the same batches (``eval/strategies/solving.py``).
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import Field

from common.command import Config
from common.hashing import sha256_text
from data_recipes.schema.example import Example, Message
from data_recipes.sources.derived.demonstrations import Choice
from eval.answers import ModelAnswer
from eval.bilingual import Text


class StrategyConfig(Config):
    """What every strategy has.

    Attributes:
        name: Of the strategy.
        shots: Solved items of the training split before each question; 0 for none.
        choice: ``fixed``: the same ones for every item of a kind; ``random``: drawn for each item; ``similar``: the
            nearest by BM25.
    """

    name: str
    shots: int = Field(default=0, ge=0, le=32)
    choice: Choice = "fixed"


class ModelCall(NamedTuple):
    """One call of a model.

    Attributes:
        messages: The conversation, whose last turn is the user's.
        temperature: 0 is greedy.
        seed: Of a sampled answer.
    """

    messages: tuple[Message, ...]
    temperature: float = 0.0
    seed: int | None = None


Solving = Generator[Sequence[ModelCall], Sequence[ModelAnswer], ModelAnswer]
"""Yields requests, is sent their replies, returns the answer."""


@dataclass(frozen=True)
class Strategy:
    """One strategy.

    Attributes:
        title: What readers see.
        config: Its configuration; the default of ``name`` is its name in the table.
        solve: Answers an item; the last argument is the seed of what is sampled.
        calls: Most calls per item.
    """

    title: Text
    config: type[StrategyConfig]
    solve: Callable[[Any, Example, int], Solving]
    calls: Callable[[Any], int]


def asking(example: Example, text: str, temperature: float = 0.0, seed: int | None = None) -> ModelCall:
    """The conversation of an item with another text as its last question."""
    return ModelCall((*example.prompt[:-1], Message(role="user", content=text)), temperature, seed)


def question_of(example: Example) -> str:
    """What an item asks last."""
    return example.prompt[-1].content


def seed_of(seed: int, example: Example, *what: object) -> int:
    """The seed of one sample of an item: it depends on nothing else that is asked."""
    return int(sha256_text(" ".join(map(str, (seed, example.id, *what))))[:8], 16)
