"""The second stage of a build: the steps run over each shard, and the hashes used to compare its rows are computed.

Everything here is a pure function of one shard, so that any engine may run it anywhere, in any order.
"""

from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel

from common.command import Config
from common.files import read_json, replacing_file, write_json
from data_recipes.leakage import hashes
from data_recipes.pipeline.changes import StepChanges, hiding
from data_recipes.pipeline.read import ShardRead
from data_recipes.pipeline.workspace import write_table
from data_recipes.schema.changes import Changed, StepSample
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.manifest import StepCount
from data_recipes.steps import made


class ShardTask(NamedTuple):
    """One shard to process.

    Attributes:
        work: The build's work directory.
        number: Of the shard.
        steps: What is done to the rows.
        signatures: Whether near-duplicates are searched for later.
        cases: Whether system turns may hold the case of a question.
    """

    work: Path
    number: int
    steps: tuple[Config, ...]
    signatures: bool
    cases: bool


class ShardDone(BaseModel):
    """The account of a shard.

    Attributes:
        rows: How many are left.
        dropped: What was dropped, while it was read and by the steps.
        steps: What each step did.
        splits: The splits that the rows name; their hashes hold positions in this list.
        changed: The rows that a step changed, and which.
        samples: Some rows that were changed or dropped, for people to read.
    """

    rows: int
    dropped: list[Dropped]
    steps: list[StepCount]
    splits: list[str]
    changed: list[Changed]
    samples: list[StepSample]

    @classmethod
    def load(cls, work: Path, number: int) -> "ShardDone":
        """Reads the account of a finished shard."""
        return cls.model_validate(read_json(work / f"done-{number:05}.json"))


def run_steps(task: ShardTask) -> int:
    """Turns ``read-NNNNN`` into ``done-NNNNN``: rows (Parquet), hashes (npz) and, last, the account (JSON).

    Args:
        task: Which shard.

    Returns:
        The number of the shard.
    """
    stem = task.work / f"done-{task.number:05}"
    if stem.with_suffix(".json").exists():
        return task.number
    read = task.work / f"read-{task.number:05}.parquet"
    rows = pq.read_table(read)
    dropped = list(ShardRead.model_validate(read_json(read.with_suffix(".json"))).dropped)
    counts = []
    steps = made(task.steps)
    changes = StepChanges()
    for name, step in steps:
        before = len(rows)
        outcome = step(rows)
        changes.add(name, rows, outcome)
        rows = outcome.kept
        if before != len(rows) + len(outcome.dropped):
            raise AssertionError(f"{name}: {before} rows came in, {len(rows)} kept, {len(outcome.dropped)} dropped")
        dropped += outcome.dropped
        reasons = Counter(row.reason for row in outcome.dropped)
        counts.append(StepCount(name=name, read=before, dropped=dict(reasons), changed=outcome.counts))
    rows = rows.combine_chunks()
    splits, columns = _hashes(rows, task)
    write_table(rows, stem.with_suffix(".parquet"))
    _write_arrays(stem.with_suffix(".npz"), columns)
    account = ShardDone(
        rows=len(rows),
        dropped=dropped,
        steps=counts,
        splits=splits,
        changed=changes.changed,
        samples=changes.samples(hiding(task.steps, steps)),
    )
    write_json(stem.with_suffix(".json"), account.model_dump())
    return task.number


def _hashes(rows: pa.Table, task: ShardTask) -> tuple[list[str], dict[str, np.ndarray]]:
    runs, systems = hashes.run_hashes(hashes.questions(rows)), hashes.systems(rows)
    texts = systems.hashes if task.cases else np.zeros(len(rows), np.uint64)
    asked = hashes.question_hashes(rows)
    named = rows["split"].combine_chunks().dictionary_encode()
    columns: dict[str, np.ndarray] = {
        "id": hashes.text_hashes(rows["id"].combine_chunks()),
        "group": hashes.text_hashes(rows["group"].combine_chunks()),
        "split": np.asarray(named.indices, np.int64),
        "question": asked,
        "row": hashes.row_hashes(rows, asked),
        **_columns("runs", runs),
        "system": texts,
        "system_text": systems.text_of,
        **_columns("system_runs", systems.runs),
    }
    if task.signatures:
        from data_recipes.leakage.near_duplicates import (
            signatures as signatures_of,  # loaded only where needed
        )

        columns["bands"] = signatures_of(hashes.conversations(rows))
    return named.dictionary.to_pylist(), columns


def _columns(name: str, runs: hashes.Runs) -> dict[str, np.ndarray]:
    """The arrays of runs, by the names that ``HashFiles`` reads."""
    return {f"{name}.{field.name}": getattr(runs, field.name) for field in fields(runs)}


def _write_arrays(path: Path, columns: dict[str, np.ndarray]) -> None:
    with replacing_file(path) as partial, partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **columns)
