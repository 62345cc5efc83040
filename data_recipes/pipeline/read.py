"""The first stage of a build: a source becomes Arrow shards, and damaged rows are counted."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pyarrow as pa
from loguru import logger
from pydantic import BaseModel
from tqdm import tqdm

from common.errors import UserError
from common.files import read_json, write_json
from data_recipes.config import DataConfig, SourceConfig
from data_recipes.pipeline.workspace import write_table
from data_recipes.schema.arrow import SCHEMA, to_table
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.sources import source_of
from data_recipes.sources.read_notes import ReadNotes

SHOWN = 5  # bad rows that an error lists
AT_ONCE = 2_000  # examples that are held in memory at a time
READ = "read.json"
BY_LINE = {".jsonl", ".csv", ".tsv"}


class SourceRead(BaseModel):
    """The account of a source that was read to its end: ``read.json``.

    Attributes:
        shards: Files of rows.
        rows: Rows of the source, good and bad ones.
        unread: See ``ReadNotes``.
        as_text: See ``ReadNotes``.
    """

    shards: int
    rows: int
    unread: dict[str, int]
    as_text: dict[str, int]

    @classmethod
    def load(cls, work: Path) -> "SourceRead":
        """Reads the account."""
        return cls.model_validate(read_json(work / READ))


class ShardRead(BaseModel):
    """What was dropped while a shard was read, in the order of the file."""

    dropped: list[Dropped]


def read_shards(data: DataConfig, config: SourceConfig, work: Path) -> Iterator[int]:
    """Reads a source into ``read-NNNNN.parquet`` and ``read-NNNNN.json``; what an earlier build has read is kept.

    Args:
        data: Rows of a shard and the tolerated share of bad rows.
        config: What is read.
        work: Where the shards go.

    Returns:
        The number of each shard as soon as it is written.

    Raises:
        UserError: The source cannot be read, or too many of its rows are bad; the first ones are listed.
    """
    if (work / READ).exists():
        yield from range(SourceRead.load(work).shards)
        return
    rows = shards = bad = 0
    first: list[Dropped] = []
    notes = ReadNotes()
    items = _rows(source_of(config).read(config), notes)
    expected = _expected(source_of(config).files(config))
    progress_bar = tqdm(desc="read", total=expected, unit="row", mininterval=1.0, disable=None)
    with _few_collections(), progress_bar as progress:
        while dropped := _shard(items, data.shard_rows, work, shards):
            number, lost = dropped
            rows += number
            damaged = [row for row in lost if row.bad]
            bad, first = bad + len(damaged), [*first, *damaged][:SHOWN]
            progress.update(number)
            yield shards
            shards += 1
    if not rows:
        raise UserError("nothing was read", where="source", fix="is there a row in the file?")
    if bad > data.max_bad_share * rows:
        raise _too_many(bad, rows, first, data, config)
    if notes.unread:
        columns = ", ".join(f"{name} ({number})" for name, number in sorted(notes.unread.items()))
        logger.warning("columns that are not read (rows): {}", columns)
    unread, as_text = (dict(sorted(counts.items())) for counts in (notes.unread, notes.as_text))
    write_json(work / READ, SourceRead(shards=shards, rows=rows, unread=unread, as_text=as_text).model_dump())


@contextmanager
def _few_collections() -> Iterator[None]:
    """Rows have no cycles, and collecting them looks through all that is loaded again and again."""
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(AT_ONCE * 100)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _rows(items: Iterator[Example | Dropped | ReadNotes], notes: ReadNotes) -> Iterator[Example | Dropped]:
    """The rows alone; what the source notes at the end is added to ``notes``."""
    for item in items:
        if isinstance(item, ReadNotes):
            notes.unread.update(item.unread)
            notes.as_text.update(item.as_text)
        else:
            yield item


def _expected(files: list[Path]) -> int | None:
    """The approximate number of rows, for the remaining time; None where lines are not rows."""
    if any(path.suffix not in BY_LINE for path in files):
        return None
    lines = 0
    for path in files:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                lines += block.count(b"\n")
    return lines


def _shard(items: Iterator[Example | Dropped], size: int, work: Path, number: int) -> tuple[int, list[Dropped]] | None:
    """Reads one shard; None at the end of the source."""
    path = work / f"read-{number:05}.parquet"
    tables, dropped, rows = [], [], 0
    while batch := list(islice(items, min(AT_ONCE, size - rows))):
        rows += len(batch)
        dropped += [item for item in batch if isinstance(item, Dropped)]
        if not path.exists():
            tables.append(to_table([item for item in batch if isinstance(item, Example)]))
    if not rows:
        return None
    if not path.exists():
        write_json(path.with_suffix(".json"), ShardRead(dropped=dropped).model_dump())
        write_table(pa.concat_tables(tables) if tables else SCHEMA.empty_table(), path)
    return rows, dropped


def _too_many(bad: int, rows: int, first: list[Dropped], data: DataConfig, config: SourceConfig) -> UserError:
    source = source_of(config)
    files, listed, told = source.files(config), [], set[str]()
    for row in first:
        name, _, line = row.id.rpartition(":")
        path = next((path for path in files if path.as_posix().endswith(f"/{name}")), Path(name))
        detail = f": {row.detail}" if row.detail and row.detail not in told else ""  # a hint is long, and said once
        listed.append(f"  - {path}:{line}: {row.reason}{detail}")
        told.add(row.detail)
    fix = "fix the rows, or raise data.max_bad_share to drop them"
    if source.check:
        fix += f"; what is wrong with each, and a fixed copy: {source.check(config, path)}"
    if source.fields:
        fix += f"; a row has {source.fields}"
    return UserError(
        f"{bad} of {rows} rows are bad, more than {data.max_bad_share:.1%}; the first:\n" + "\n".join(listed),
        where="data.max_bad_share",
        fix=fix,
    )
