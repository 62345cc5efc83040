"""What a test set shares with the training questions: identical questions and shared runs of characters.

A run has 13 characters, and 60 where most are Latin letters, of which 13 are a common phrase.
Questions are compared after normalisation (NFKC, lower case, letters and digits only), the options of a choice in any
order. A dataset keeps the fingerprints of its training questions, so that any test set can be measured against them
later without the training text.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from common.errors import UserError
from data_recipes.leakage import hashes
from data_recipes.leakage.hashes import Hashes
from data_recipes.schema.arrow import to_table
from data_recipes.schema.example import Example

FINGERPRINTS = "fingerprints.parquet"
HELD_OUT = "held_out.parquet"
SCHEMA = pa.schema({"run": pa.bool_(), "hash": pa.uint64()}, {"version": "2"})  # 2: options in any order
FILTER_BITS = 24

Mask = npt.NDArray[np.bool_]


class QuestionHashes(NamedTuple):
    """Hashes of some questions, and of their runs of characters."""

    questions: Hashes
    runs: Hashes


@dataclass(frozen=True)
class Fingerprints:
    """Hashes of many questions, batch by batch: they need not fit into memory.

    Attributes:
        batches: Goes through them again each time it is called.
    """

    batches: Callable[[], Iterator[QuestionHashes]]


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
    rows = to_table(tests)
    texts = hashes.questions(rows)
    asked, found = hashes.question_hashes(rows, texts), hashes.run_hashes(texts)
    questions, shared = HashSet(asked), HashSet(found.hashes)
    for batch in train.batches():
        questions.find(batch.questions)
        shared.find(batch.runs)
    partly = set(found.rows[shared.was_seen(found.hashes)].tolist())
    return MeasuredOverlap(
        n=len(tests),
        exact_ids=tuple(e.id for e, seen in zip(tests, questions.was_seen(asked), strict=True) if seen),
        ngram_ids=tuple(e.id for n, e in enumerate(tests) if n in partly),
    )


def save(train: Fingerprints, folder: Path, name: str = FINGERPRINTS) -> None:
    """Writes fingerprints into a dataset's folder."""
    with pq.ParquetWriter(folder / name, SCHEMA, compression="none", use_dictionary=False) as writer:
        for batch in train.batches():
            whole, run = _distinct(batch.questions), _distinct(batch.runs)
            columns = [np.arange(len(whole) + len(run)) >= len(whole), np.concatenate([whole, run])]
            writer.write_table(pa.table([pa.array(column) for column in columns], SCHEMA))


def load(folder: Path, name: str = FINGERPRINTS) -> Fingerprints:
    """The fingerprints of a dataset, read on demand.

    Raises:
        UserError: The folder holds none.
    """
    path = folder / name
    if not path.is_file():
        raise UserError("no fingerprints here", where=str(path), fix="build the dataset again")
    return Fingerprints(lambda: _read(path))


def _read(path: Path) -> Iterator[QuestionHashes]:
    try:
        file = pq.ParquetFile(path)
        if (file.schema_arrow.metadata or {}).get(b"version") != SCHEMA.metadata[b"version"]:
            raise UserError(
                "fingerprints of another version of Xinglin: questions would not be recognised",
                where=str(path),
                fix="build the dataset again, and register a protected set again (data_recipes/suites.py)",
            )
        for number in range(file.num_row_groups):
            table = file.read_row_group(number)
            run, hashes = np.asarray(table["run"]), np.asarray(table["hash"])
            yield QuestionHashes(hashes[~run], hashes[run])
    except (pa.ArrowInvalid, KeyError, OSError) as error:
        raise UserError(f"not fingerprints: {error}", where=str(path), fix="build the dataset again") from None
