"""The hashes of all rows, read from the shards one column at a time."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data_recipes.pipeline.transform import ShardDone
from data_recipes.schema.splits import TRAIN


class HashFiles:
    """The hashes of a build's rows.

    Attributes:
        shards: How many shards there are.
        rows: How many rows there are.
        starts: The number of each shard's first row, and ``rows`` at the end.
        splits: The splits that rows name; the training pool, which rows without a name are in too, comes first.
        came: The splits that have rows.
        split: Each row's position in ``splits``.

    Args:
        work: The build's work directory.
        shards: The accounts of its shards.
    """

    def __init__(self, work: Path, shards: Sequence[ShardDone]) -> None:
        self._paths = [work / f"done-{number:05}.npz" for number in range(len(shards))]
        self.shards = len(shards)
        self.starts = np.cumsum([0, *(shard.rows for shard in shards)])
        self.rows = int(self.starts[-1])
        named = dict.fromkeys(name or TRAIN for shard in shards for name in shard.splits)
        self.came = list(named)
        self.splits = list(dict.fromkeys([TRAIN, *named]))
        self.split = np.zeros(self.rows, np.int16)
        for start, shard, places in zip(self.starts[:-1], shards, self.each("split"), strict=True):
            meant = np.array([self.splits.index(name or TRAIN) for name in shard.splits], np.int16)
            self.split[start : start + shard.rows] = meant[places]

    def whole(self, name: str) -> Any:
        """A column of all rows."""
        return np.concatenate(list(self.each(name)))

    def each(self, name: str) -> Iterator[Any]:
        """A column, shard by shard."""
        for path in self._paths:
            with np.load(path) as columns:
                yield columns[name]

    def runs(self) -> Iterator[tuple[Any, Any]]:
        """Hashes of runs and the rows they are in, shard by shard."""
        for start, path in zip(self.starts[:-1], self._paths, strict=True):
            with np.load(path) as columns:
                yield columns["runs"], (columns["run_rows"] + start).astype(np.int32)
