"""The last stage of a build: rows go to the Parquet files of their splits, and what the card tells is counted."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from tqdm import tqdm

from data_recipes.dataset.digest import TableDigest
from data_recipes.leakage import overlap
from data_recipes.leakage.overlap import Fingerprints, Part
from data_recipes.pipeline.decide import POOL, Decision
from data_recipes.pipeline.hash_files import TRAIN, KeyFiles
from data_recipes.pipeline.transform import ShardDone
from data_recipes.schema.arrow import SCHEMA, to_examples
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example

SAMPLES = 60  # of each split


@dataclass
class Written:
    """What was written, for the manifest and the card.

    Attributes:
        sizes: Rows by split.
        digests: Hash of each split's rows.
        dropped: Rows left out, by reason.
        kinds: Rows by kind, in each split.
        lengths: Conversations by their number of characters, in each split.
        samples: Some rows of each split, evenly spread over it.
    """

    sizes: dict[str, int]
    digests: dict[str, str] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)
    kinds: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    lengths: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    samples: dict[str, list[Example]] = field(default_factory=lambda: defaultdict(list))


class SplitFiles:
    """The Parquet files of one split, of ``shard_rows`` rows each: ``NAME.parquet`` or ``NAME-00000-of-00002.parquet``.

    Args:
        folder: Where they go.
        name: Of the split.
        rows: How many will come.
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
        """Writes what is left, and returns the hash of all rows."""
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


def write_splits(work: Path, files: KeyFiles, decision: Decision, shard_rows: int, folder: Path) -> Written:
    """Writes the splits, ``dropped.jsonl`` and the fingerprints.

    Args:
        work: The build's work directory.
        files: The keys of all rows.
        decision: What becomes of each row.
        shard_rows: Rows of a file.
        folder: Where everything goes.
    """
    counts = np.bincount(decision.place[decision.place >= 0], minlength=len(decision.splits)).tolist()
    sizes = {name: size for name, size in zip(decision.splits, counts, strict=True) if size}
    written = Written(sizes)
    splits = {name: SplitFiles(folder, name, size, shard_rows) for name, size in sizes.items()}
    seen: Counter[str] = Counter()
    with (folder / "dropped.jsonl").open("w", encoding="utf-8") as dropped:
        for number in tqdm(range(files.shards), desc="write", unit="shard", disable=None):
            mine = slice(files.starts[number], files.starts[number + 1])
            rows = pq.read_table(work / f"done-{number:05}.parquet")
            _record(dropped, written, [*ShardDone.load(work, number).dropped, *_left_out(rows, decision, mine)])
            rows = _with_groups(rows, decision.group[mine])
            for place, name in enumerate(decision.splits):
                chosen = rows.filter(pa.array(decision.place[mine] == place))
                if len(chosen):
                    splits[name].add(chosen)
                    _count(written, name, chosen, seen)
    written.digests = {name: split.close() for name, split in splits.items()}
    _write_fingerprints(files, decision, folder)
    return written


def _left_out(rows: pa.Table, decision: Decision, mine: slice) -> Iterator[Dropped]:
    ids = rows["id"].to_pylist()
    for row in np.flatnonzero(decision.reason[mine]):
        yield Dropped(ids[row], decision.reasons[decision.reason[mine][row]])


def _record(file: TextIO, written: Written, dropped: Sequence[Dropped]) -> None:
    for row in dropped:
        file.write(json.dumps(row._asdict(), ensure_ascii=False) + "\n")
    written.dropped.update(row.reason for row in dropped)


def _with_groups(rows: pa.Table, groups: np.ndarray) -> pa.Table:
    """Rows that were joined to a group bear its number."""
    if not groups.any():
        return rows
    named = pa.array([f"joined-{group:016x}" if group else None for group in groups.tolist()], pa.string())
    place = SCHEMA.get_field_index("group")
    return rows.set_column(place, SCHEMA.field(place), pc.coalesce(named, rows["group"].combine_chunks()))


def _count(written: Written, name: str, rows: pa.Table, seen: Counter[str]) -> None:
    written.kinds[name].update(rows["kind"].to_pylist())
    messages = rows["messages"].combine_chunks()
    characters = np.asarray(pc.utf8_length(messages.flatten().field("content")))
    turns = np.asarray(pc.list_value_length(messages))
    written.lengths[name].update(np.add.reduceat(characters, np.cumsum(turns) - turns).tolist())
    step = max(1, written.sizes[name] // SAMPLES)
    first = -seen[name] % step
    written.samples[name] += to_examples(rows.take(pa.array(range(first, len(rows), step), pa.int64())))
    seen[name] += len(rows)


def _write_fingerprints(files: KeyFiles, decision: Decision, folder: Path) -> None:
    """Those of training, and those of everything else for other datasets that must not contain it."""
    overlap.save(Fingerprints(lambda: _parts(files, decision.place == POOL)), folder)
    if any(name != TRAIN for name in decision.splits):
        overlap.save(Fingerprints(lambda: _parts(files, decision.place > POOL)), folder, overlap.HELD_OUT)


def _parts(files: KeyFiles, chosen: np.ndarray) -> Iterator[Part]:
    for start, questions, (runs, rows) in zip(files.starts[:-1], files.each("question"), files.runs(), strict=True):
        yield Part(questions[chosen[start : start + len(questions)]], runs[chosen[rows]])
