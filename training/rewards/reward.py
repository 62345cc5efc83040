"""What a reward is: something that is good in an answer, and how it is found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, get_args

from pydantic import Field

from common.command import Config
from data_recipes.schema.example import Example

Scorer = Callable[[Sequence[Example], Sequence[str]], list[float]]
"""The scores of answers, each to the question at its place, before they are weighed."""


class RewardConfig(Config):
    """What every reward's configuration has.

    Attributes:
        kind: Which reward; each has a configuration of its own.
        weight: What its score is multiplied by; a negative one makes it a penalty.
    """

    kind: str
    weight: float = Field(1.0)


C = TypeVar("C", bound=RewardConfig)


@dataclass(frozen=True)
class RewardKind(Generic[C]):
    """One kind of reward.

    Attributes:
        config: Its configuration, whose field ``kind`` selects it.
        applies: Whether answers to a question can be scored; others get 0, the whole group alike.
        make: Gives the function that scores, before anything is trained. Raises ``UserError`` where it cannot: what is
            slow to load is imported in it, because every command reads the table of rewards.
        settled: The configuration once names like ``runs/NAME/latest`` are resolved: what the run records.
    """

    config: type[C]
    applies: Callable[[Example], bool]
    make: Callable[[C], Scorer]
    settled: Callable[[C], C] = lambda config: config

    @property
    def kind(self) -> str:
        """The word in the configuration that selects it."""
        return str(get_args(self.config.model_fields["kind"].annotation)[0])
