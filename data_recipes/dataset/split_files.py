"""The Parquet files of a dataset's splits: their names, how they are written, and what is known about them."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data_recipes.dataset.digest import TableDigest
from data_recipes.schema.changes import StepSample
from data_recipes.schema.example import Example


@dataclass
class WrittenSplits:
    """What was written, for the manifest and the card.

    Attributes:
        sizes: Rows by split.
        digests: Hash of each split's rows.
        dropped: Rows that were dropped, by reason.
        kinds: Rows by kind, in each split.
        lengths: Conversations by their number of characters, in each split.
        samples: Some rows of each split, spread evenly over it.
        step_samples: Some rows that a step changed or dropped.
    """

    sizes: dict[str, int]
    digests: dict[str, str] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)
    kinds: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    lengths: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    samples: dict[str, list[Example]] = field(default_factory=lambda: defaultdict(list))
    step_samples: list[StepSample] = field(default_factory=list)


class SplitFiles:
    """The Parquet files of one split, of ``shard_rows`` rows each: ``NAME.parquet`` or ``NAME-00000-of-00002.parquet``.

    Args:
        folder: Where they go.
        name: Of the split.
        rows: How many there will be.
        shard_rows: How many each file holds.
    """

    def __init__(self, folder: Path, name: str, rows: int, shard_rows: int) -> None:
        self._paths = iter([folder / file for file in split_files(name, rows, shard_rows)])
        self._shard_rows = shard_rows
        self._waiting: list[pa.Table] = []
        self._digest = TableDigest()

    def add(self, rows: pa.Table) -> None:
        """Takes rows; full files are written."""
        self._digest.update(rows)
        self._waiting.append(rows)
        while sum(map(len, self._waiting)) >= self._shard_rows:
            self._write()

    def close(self) -> str:
        """Writes the remaining rows, and returns the hash of all rows."""
        if any(map(len, self._waiting)):
            self._write()
        return self._digest.value()

    def _write(self) -> None:
        table = pa.concat_tables(self._waiting)
        full = table.slice(0, self._shard_rows).combine_chunks()
        pq.write_table(full, next(self._paths), compression="zstd")
        self._waiting = [table.slice(self._shard_rows)]


def split_files(name: str, rows: int, shard_rows: int) -> list[str]:
    """The names of a split's files."""
    files = -(-rows // shard_rows)
    if files == 1:
        return [f"{name}.parquet"]
    return [f"{name}-{number:05}-of-{files:05}.parquet" for number in range(files)]
