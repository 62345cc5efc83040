"""The last stage of a build: rows go to the Parquet files of their splits, and what the card reports is counted."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from tqdm import tqdm

from data_recipes.dataset.split_files import SplitFiles, WrittenSplits
from data_recipes.leakage import overlap
from data_recipes.leakage.overlap import Fingerprints, QuestionHashes
from data_recipes.pipeline.changes import StepSamples
from data_recipes.pipeline.decide import POOL, Decision
from data_recipes.pipeline.hash_files import HashFiles
from data_recipes.pipeline.transform import ShardDone
from data_recipes.schema.arrow import SCHEMA, to_examples
from data_recipes.schema.changes import CHANGED, Changed
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.splits import TRAIN

SAMPLES = 60  # of each split


def write_splits(work: Path, files: HashFiles, decision: Decision, shard_rows: int, folder: Path) -> WrittenSplits:
    """Writes the splits, the accounts of dropped and changed rows, and the fingerprints.

    Args:
        work: The build's work directory.
        files: The hashes of all rows.
        decision: The outcome for each row.
        shard_rows: Rows of a file.
        folder: Where everything goes.
    """
    counts = np.bincount(decision.place[decision.place >= 0], minlength=len(decision.splits)).tolist()
    sizes = {name: size for name, size in zip(decision.splits, counts, strict=True) if size}
    written = WrittenSplits(sizes)
    splits = {name: SplitFiles(folder, name, size, shard_rows) for name, size in sizes.items()}
    seen: Counter[str] = Counter()
    samples = StepSamples()
    with (
        (folder / "dropped.jsonl").open("w", encoding="utf-8") as dropped,
        (folder / CHANGED).open("w", encoding="utf-8") as changed,
    ):
        for number in tqdm(range(files.shards), desc="write", unit="shard", disable=None):
            mine = slice(files.starts[number], files.starts[number + 1])
            rows = pq.read_table(work / f"done-{number:05}.parquet")
            done = ShardDone.load(work, number)
            _record(dropped, written, [*done.dropped, *_dropped(rows, decision, mine)])
            _name_changed(changed, done.changed, rows, decision.place[mine] >= 0)
            samples.add(done.samples, rows, decision.reason[mine], decision.reasons)
            rows = _with_groups(rows, decision.group[mine])
            for place, name in enumerate(decision.splits):
                chosen = rows.filter(pa.array(decision.place[mine] == place))
                if len(chosen):
                    splits[name].add(chosen)
                    _count(written, name, chosen, seen)
    written.step_samples = samples.save(folder)
    written.digests = {name: split.close() for name, split in splits.items()}
    _write_fingerprints(files, decision, folder)
    return written


def _dropped(rows: pa.Table, decision: Decision, mine: slice) -> Iterator[Dropped]:
    ids = rows["id"].to_pylist()
    for row in np.flatnonzero(decision.reason[mine]):
        yield Dropped(ids[row], decision.reasons[decision.reason[mine][row]])


def _record(file: TextIO, written: WrittenSplits, dropped: Sequence[Dropped]) -> None:
    for row in dropped:
        file.write(json.dumps({"id": row.id, "reason": row.reason}, ensure_ascii=False) + "\n")
    written.dropped.update(row.reason for row in dropped)


def _name_changed(file: TextIO, changed: Sequence[Changed], rows: pa.Table, kept: np.ndarray) -> None:
    """Names the rows of the dataset that a step changed."""
    ids = set(rows["id"].filter(pa.array(kept)).to_pylist()) if changed else set()
    file.writelines(json.dumps(row._asdict(), ensure_ascii=False) + "\n" for row in changed if row.id in ids)


def _with_groups(rows: pa.Table, groups: np.ndarray) -> pa.Table:
    """Rows that were joined to a group get its number."""
    if not groups.any():
        return rows
    named = pa.array([f"joined-{group:016x}" if group else None for group in groups.tolist()], pa.string())
    place = SCHEMA.get_field_index("group")
    return rows.set_column(place, SCHEMA.field(place), pc.coalesce(named, rows["group"].combine_chunks()))


def _count(written: WrittenSplits, name: str, rows: pa.Table, seen: Counter[str]) -> None:
    written.kinds[name].update(rows["kind"].to_pylist())
    messages = rows["messages"].combine_chunks()
    characters = np.asarray(pc.utf8_length(messages.flatten().field("content")))
    turns = np.asarray(pc.list_value_length(messages))
    written.lengths[name].update(np.add.reduceat(characters, np.cumsum(turns) - turns).tolist())
    step = max(1, written.sizes[name] // SAMPLES)
    first = -seen[name] % step
    written.samples[name] += to_examples(rows.take(pa.array(range(first, len(rows), step), pa.int64())))
    seen[name] += len(rows)


def _write_fingerprints(files: HashFiles, decision: Decision, folder: Path) -> None:
    """Those of training, and those of everything else for other datasets that must not contain it."""
    common = files.common.members
    overlap.save(Fingerprints(lambda: _batches(files, decision.place == POOL), common), folder)
    if any(name != TRAIN for name in decision.splits):
        overlap.save(Fingerprints(lambda: _batches(files, decision.place > POOL), common), folder, overlap.HELD_OUT)


def _batches(files: HashFiles, chosen: np.ndarray) -> Iterator[QuestionHashes]:
    questions = files.questions()
    for start, end, runs in zip(files.starts[:-1], files.starts[1:], files.runs_with_parts(), strict=True):
        of_chosen = chosen[runs.rows] & files.counted(runs.hashes)
        whole = runs.hashes[of_chosen & ~runs.has_parts]
        yield QuestionHashes(questions[start:end][chosen[start:end]], whole, runs.parts_of(of_chosen))
