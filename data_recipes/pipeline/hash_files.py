"""The hashes of all rows, read from the shards one column at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data_recipes.leakage.boilerplate import has_case, with_cases
from data_recipes.leakage.hashes import Hashes, Runs, Systems
from data_recipes.leakage.overlap import HashSet, Mask
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
        cases: The rows whose system text holds the case of the question.
        common: Runs that many rows have; ``runs`` skips them.

    Args:
        work: The build's work directory.
        shards: The accounts of its shards.
    """

    def __init__(self, work: Path, shards: Sequence[ShardDone]) -> None:
        self._stems = [work / f"done-{number:05}" for number in range(len(shards))]
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
        self.cases = has_case(self.whole("system"))
        self.common = HashSet(np.zeros(0, np.uint64))

    def whole(self, name: str) -> Any:
        """A column of all rows."""
        return np.concatenate(list(self.each(name)))

    def questions(self, column: str = "question") -> Hashes:
        """The question of each row, or with ``row`` all of it, and the system text that holds its case."""
        hashes = self.whole(column)
        return with_cases(hashes, self.whole("system"), self.cases) if self.cases.any() else hashes

    def each(self, name: str) -> Iterator[Any]:
        """A column, shard by shard."""
        for stem in self._stems:
            with np.load(stem.with_suffix(".npz")) as columns:
                yield columns[name]

    def runs(self) -> Iterator[tuple[Any, Any]]:
        """Hashes of runs and the rows they are in, shard by shard, without boilerplate."""
        for runs in self.runs_with_parts():
            counted = self.counted(runs.hashes)
            yield runs.hashes[counted], runs.rows[counted]

    def runs_with_parts(self) -> Iterator[Runs]:
        """All runs of questions and of their cases, shard by shard."""
        for start, stem in zip(self.starts[:-1], self._stems, strict=True):
            with np.load(stem.with_suffix(".npz")) as columns:
                runs = _runs("runs", columns)
                with_case = np.flatnonzero(self.cases[start : start + len(columns["id"])]).astype(np.int32)
                if len(with_case):
                    of_cases = Systems(columns["system"], columns["system_text"], _runs("system_runs", columns))
                    runs = Runs.joined([runs, of_cases.runs_of(with_case)])
            yield replace(runs, rows=(runs.rows + start).astype(np.int32))

    def counted(self, runs: Hashes) -> Mask:
        """Which runs are no boilerplate."""
        return ~self.common.find(runs) if len(self.common.members) else np.ones(len(runs), bool)

    def tables(self, chosen: Mask) -> Iterator[pa.Table]:
        """Id and messages of some rows, shard by shard."""
        for start, end, stem in zip(self.starts[:-1], self.starts[1:], self._stems, strict=True):
            if chosen[start:end].any():
                table = pq.read_table(stem.with_suffix(".parquet"), columns=["id", "messages"])
                yield table.filter(pa.array(chosen[start:end])).combine_chunks()


def _runs(name: str, columns: Any) -> Runs:
    return Runs(**{field.name: columns[f"{name}.{field.name}"] for field in fields(Runs)})
