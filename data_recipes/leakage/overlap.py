"""What a test set shares with the training questions: identical questions and shared runs of characters.

A run has 13 characters, and 60 where most are Latin letters, of which 13 are a common phrase.
Questions are compared after normalisation (``leakage.normalise``), the options of a choice in any order, with the
system text that holds their case. What many rows have in common (``leakage.boilerplate``) is no overlap. A dataset has
fingerprints of its training questions, so that any test set can be measured against them later without the text.

Fingerprints hold no more bits of a run than tell it from others. A run of 60 is known by its parts of 48 characters,
with fewer bits: each run of training is found, since all of its 13 parts are there. Of those that are a character too
short every fourth is taken for one, since a single part of it is not there; of three, one in a hundred.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from common.errors import UserError
from data_recipes.leakage import hashes
from data_recipes.leakage.boilerplate import has_case, with_cases
from data_recipes.leakage.hashes import Hashes, Runs
from data_recipes.schema.arrow import to_table
from data_recipes.schema.example import Example

FINGERPRINTS = "fingerprints.parquet"
HELD_OUT = "held_out.parquet"
SCHEMA = pa.schema({"kind": pa.int8(), "difference": pa.int64()}, {"version": "4"})
"""Hashes in ascending order, each as its difference from the one before.

Version 2 counts options in any order, version 3 signs and the system text that holds the case, version 4 has parts.
"""
QUESTION, WHOLE_RUN, PART, COMMON_RUN = range(4)
CHANCE_BITS = 20  # a run is taken for one of a set by chance once in 2**20 times; more bits make larger files
PART_CHANCE_BITS = 3  # a part once in 2**3 times, all thirteen of a run once in 2**39
FILTER_BITS = 24

Mask = npt.NDArray[np.bool_]


class QuestionHashes(NamedTuple):
    """Hashes of some questions, of their runs of 13 characters, and of the parts of their runs of 60."""

    questions: Hashes
    runs: Hashes
    parts: Hashes


@dataclass(frozen=True)
class Fingerprints:
    """Hashes of many questions, batch by batch: they need not fit into memory.

    Attributes:
        batches: Goes through them again each time it is called.
        common: Runs that too many questions have: boilerplate, whatever their parts.
        run_bits: How many bits of the hashes of runs are known.
        part_bits: How many bits of the hashes of parts are known.
    """

    batches: Callable[[], Iterator[QuestionHashes]]
    common: Hashes = field(default_factory=lambda: np.zeros(0, np.uint64))
    run_bits: int = 64
    part_bits: int = 64


@dataclass(frozen=True)
class MeasuredOverlap:
    """How much of a test set occurs in training.

    Attributes:
        n: Size of the test set.
        exact_ids: Examples whose question is a training question.
        ngram_ids: Examples whose question shares a run of characters with a training question.
    """

    n: int
    exact_ids: tuple[str, ...]
    ngram_ids: tuple[str, ...]

    @property
    def exact(self) -> int:
        """Number of identical questions."""
        return len(self.exact_ids)

    @property
    def ngram(self) -> int:
        """Number of questions with a shared run; identical ones that are as long as a run are among them."""
        return len(self.ngram_ids)


class HashSet:
    """A set of hashes that checks many at once for membership, and remembers which were looked up.

    Args:
        hashes: The members, in any order; repeats are allowed.
    """

    def __init__(self, hashes: Hashes) -> None:
        self.members = _distinct(hashes)
        self.seen = np.zeros(len(self.members), bool)
        self._filter = np.zeros(1 << FILTER_BITS, bool)  # most hashes are not members: one lookup here is enough
        self._filter[_short(self.members)] = True

    def find(self, hashes: Hashes) -> Mask:
        """Which of the hashes are members; those members are remembered as seen."""
        found = self._filter[_short(hashes)]
        asked = hashes[found]
        places = np.minimum(np.searchsorted(self.members, asked), max(0, len(self.members) - 1))
        member = self.members[places] == asked
        self.seen[places[member]] = True
        found[found] = member
        return found

    def was_seen(self, hashes: Hashes) -> Mask:
        """Which of the hashes, all of them members, were looked up."""
        return self.seen[np.searchsorted(self.members, hashes)]


def _distinct(hashes: Hashes) -> Hashes:
    """Sorted and unique; sorting is several times faster here than the hash table of ``np.unique``."""
    ordered = np.sort(hashes)
    return ordered[np.concatenate([np.ones(min(1, len(ordered)), bool), ordered[1:] != ordered[:-1]])]


def _short(hashes: Hashes) -> Hashes:
    return hashes >> np.uint64(64 - FILTER_BITS)


def measure(train: Fingerprints, examples: Iterable[Example]) -> MeasuredOverlap:
    """Compares test examples with the training questions.

    Args:
        train: Fingerprints of the training split.
        examples: The test set, from any source.

    Returns:
        The number and the ids of the examples that were seen whole or in part.
    """
    tests = list(examples)
    asked, found = hashed(to_table(tests))
    runs, parts = top_bits(found.hashes, train.run_bits), top_bits(found.parts, train.part_bits)
    questions, of_runs, of_parts = HashSet(asked), HashSet(runs), HashSet(parts)
    for batch in train.batches():
        questions.find(batch.questions)
        of_runs.find(batch.runs)
        of_parts.find(batch.parts)
    shared = found.among(of_runs.was_seen(runs), of_parts.was_seen(parts)) & ~np.isin(found.hashes, train.common)
    partly = set(found.rows[shared].tolist())
    return MeasuredOverlap(
        n=len(tests),
        exact_ids=tuple(e.id for e, seen in zip(tests, questions.was_seen(asked), strict=True) if seen),
        ngram_ids=tuple(e.id for n, e in enumerate(tests) if n in partly),
    )


def fingerprints_of(examples: Sequence[Example]) -> Fingerprints:
    """The fingerprints of a few examples, which need no file."""
    questions, runs = hashed(to_table(examples))
    batch = QuestionHashes(questions, runs.hashes[~runs.has_parts], runs.parts)
    return Fingerprints(lambda: iter([batch]))


def hashed(rows: pa.Table) -> tuple[Hashes, Runs]:
    """The hash of each question of some rows, and the runs of characters in them, cases in system texts included."""
    systems = hashes.systems(rows)
    cases = has_case(systems.hashes)
    own, of_cases = hashes.run_hashes(hashes.questions(rows)), systems.runs_of(np.flatnonzero(cases).astype(np.int32))
    return with_cases(hashes.question_hashes(rows), systems.hashes, cases), Runs.joined([own, of_cases])


def top_bits(hashes: Hashes, bits: int) -> Hashes:
    """The hashes with all but their first bits zero."""
    return hashes >> np.uint64(64 - bits) << np.uint64(64 - bits)


def save(train: Fingerprints, folder: Path, name: str = FINGERPRINTS) -> None:
    """Writes fingerprints into a dataset's folder, with no more bits of a run or part than tell it from others."""
    runs, parts = (sum(map(len, several)) for several in zip(*[batch[1:] for batch in train.batches()], strict=True))
    run_bits = min(train.run_bits, runs.bit_length() + CHANCE_BITS)
    part_bits = min(train.part_bits, parts.bit_length() + PART_CHANCE_BITS)
    schema = SCHEMA.with_metadata({**SCHEMA.metadata, "run_bits": str(run_bits), "part_bits": str(part_bits)})
    packed = {"use_dictionary": False, "column_encoding": {"kind": "PLAIN", "difference": "BYTE_STREAM_SPLIT"}}
    with pq.ParquetWriter(folder / name, schema, compression="zstd", **packed) as writer:
        writer.write_table(_table({COMMON_RUN: train.common}, schema))
        for batch in train.batches():
            whole, part = batch.runs >> np.uint64(64 - run_bits), batch.parts >> np.uint64(64 - part_bits)
            writer.write_table(_table({QUESTION: batch.questions, WHOLE_RUN: whole, PART: part}, schema))


def _table(hashes_of: Mapping[int, Hashes], schema: pa.Schema) -> pa.Table:
    """Hashes by kind, in the order of the kinds."""
    ordered = [_distinct(hashes) for hashes in hashes_of.values()]
    kinds = np.repeat(np.array(list(hashes_of), np.int8), [len(hashes) for hashes in ordered])
    differences = np.concatenate([np.diff(hashes, prepend=np.uint64(0)) for hashes in ordered]).view(np.int64)
    return pa.table([pa.array(kinds), pa.array(differences)], schema)


def load(folder: Path, name: str = FINGERPRINTS) -> Fingerprints:
    """The fingerprints of a dataset, read on demand.

    Raises:
        UserError: The folder holds none, or those of another version.
    """
    path = folder / name
    if not path.is_file():
        raise UserError("no fingerprints here", where=str(path), fix="build the dataset again")
    with _damage(path):
        metadata = pq.read_schema(path).metadata or {}
        if metadata.get(b"version") != SCHEMA.metadata[b"version"]:
            raise UserError(
                "fingerprints of another version of Xinglin: questions would not be recognised",
                where=str(path),
                fix="build the dataset again, and register a protected set again (data_recipes/suites.py)",
            )
        run_bits, part_bits = int(metadata[b"run_bits"]), int(metadata[b"part_bits"])
        common = [_hashes(table, COMMON_RUN) for table in _row_groups(path)]
    return Fingerprints(lambda: _read(path, run_bits, part_bits), np.concatenate(common), run_bits, part_bits)


def _read(path: Path, run_bits: int, part_bits: int) -> Iterator[QuestionHashes]:
    with _damage(path):
        for table in _row_groups(path):
            runs = _hashes(table, WHOLE_RUN) << np.uint64(64 - run_bits)
            yield QuestionHashes(_hashes(table, QUESTION), runs, _hashes(table, PART) << np.uint64(64 - part_bits))


def _row_groups(path: Path) -> Iterator[pa.Table]:
    file = pq.ParquetFile(path)
    for number in range(file.num_row_groups):
        yield file.read_row_group(number)


def _hashes(table: pa.Table, kind: int) -> Hashes:
    differences = np.asarray(table["difference"]).view(np.uint64)[np.asarray(table["kind"]) == kind]
    return np.cumsum(differences, dtype=np.uint64)


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowInvalid, KeyError, ValueError, OSError) as error:
        raise UserError(f"not fingerprints: {error}", where=str(path), fix="build the dataset again") from None
