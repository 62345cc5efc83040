"""What a step is: a pure function from a batch of rows to the remaining ones, with an account of the others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar, get_args

import pyarrow as pa

from common.command import Config
from data_recipes.schema.dropped import Dropped

ConfigT = TypeVar("ConfigT", bound=Config)


FLAGGED = "flagged_"
"""Begins the names of counts of rows that were kept and marked."""


class Flagged(NamedTuple):
    """A row that was kept, and what is suspected of it.

    Attributes:
        id: The id of its example.
        reason: One of a few fixed words that are counted.
    """

    id: str
    reason: str


class Rewritten(NamedTuple):
    """A row that was kept, and what was changed in it.

    Attributes:
        id: The id of its example.
        change: The name of the change, as it is counted.
    """

    id: str
    change: str


@dataclass(frozen=True)
class Outcome:
    """What a step made of a batch.

    Attributes:
        kept: The remaining rows, in their original order, with the columns of ``schema.arrow.SCHEMA``.
        dropped: One entry per dropped row.
        counts: What was changed in the remaining rows, e.g. ``{"masked_phone": 3}``, and how many are flagged. Never
            the text itself.
        flagged: One entry per reason and remaining row that a screen suspects but is not sure enough of to drop.
        rewritten: One entry per kind of change and remaining row whose text is another one now.
    """

    kept: pa.Table
    dropped: list[Dropped] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    flagged: list[Flagged] = field(default_factory=list)
    rewritten: list[Rewritten] = field(default_factory=list)


Step = Callable[[pa.Table], Outcome]
"""Neither the batch size nor the order of the batches changes the outcome for a row; no state, no randomness."""


@dataclass(frozen=True)
class StepKind(Generic[ConfigT]):
    """One kind of step.

    Attributes:
        config: The typed configuration; its field ``kind`` (a ``Literal``) selects this step.
        make: Gives the step for a configuration. It runs in every worker process, so libraries that are slow to load
            are imported in it, not at the top of the file: every command reads the table of steps.
        kept_by: For reasons that may drop many good rows, the options that keep these.
    """

    config: type[ConfigT]
    make: Callable[[ConfigT], Step]
    kept_by: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The word in the configuration that selects this step."""
        return str(get_args(self.config.model_fields["kind"].annotation)[0])
