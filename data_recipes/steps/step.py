"""What a step is: a pure function from a batch of rows to the rows that are left, with an account of the others."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa

from data_recipes.rows import Dropped


@dataclass(frozen=True)
class Outcome:
    """What a step made of a batch.

    Attributes:
        kept: The rows that are left, in the order they came, with the schema of ``data_recipes.dataset.SCHEMA``.
        dropped: One entry for every row that is gone.
        counts: What was changed in the rows that are left, e.g. ``{"masked_phone": 3}``. Never the text itself.
    """

    kept: pa.Table
    dropped: list[Dropped] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


Step = Callable[[pa.Table], Outcome]
"""Neither the batch size nor the order of the batches changes what becomes of a row; no state, no randomness."""
