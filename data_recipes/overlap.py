"""What a test set shares with the training questions: identical questions and shared runs of 13 characters.

Questions are compared after normalisation (NFKC, lower case, letters and digits only). A dataset keeps the fingerprints
of its training questions, so that any suite can be measured against them later without the training text.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from common.errors import UserError
from data_recipes.example import Example
from data_recipes.text import RUN, normalise, question, runs

__all__ = ["RUN", "Fingerprints", "Overlap", "fingerprints", "load", "measure", "normalise", "question", "runs", "save"]
FINGERPRINTS = "fingerprints.parquet"


@dataclass(frozen=True)
class Fingerprints:
    """Hashes of the training questions.

    Attributes:
        questions: One hash for each whole question.
        runs: One hash for each run of ``RUN`` characters.
    """

    questions: frozenset[int]
    runs: frozenset[int]


@dataclass(frozen=True)
class Overlap:
    """How much of a test set was seen in training.

    Attributes:
        n: Size of the test set.
        exact_ids: Examples whose question is a training question.
        ngram_ids: Examples whose question shares a run of ``RUN`` characters with a training question.
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
        """Number of questions with a shared run; identical ones of at least ``RUN`` characters are among them."""
        return len(self.ngram_ids)


def fingerprints(examples: Iterable[Example]) -> Fingerprints:
    """Hashes the questions of the training split."""
    asked = {question(example) for example in examples}
    return Fingerprints(
        questions=frozenset(map(_hash, asked)), runs=frozenset(_hash(run) for text in asked for run in runs(text))
    )


def measure(train: Fingerprints, examples: Iterable[Example]) -> Overlap:
    """Compares test examples with the training questions.

    Args:
        train: Fingerprints of the training split.
        examples: The test set, from whatever source.

    Returns:
        The number and the ids of the examples that were seen whole or in part.
    """
    n, exact, ngram = 0, [], []
    for example in examples:
        n += 1
        text = question(example)
        if _hash(text) in train.questions:
            exact.append(example.id)
        if any(_hash(run) in train.runs for run in runs(text)):
            ngram.append(example.id)
    return Overlap(n=n, exact_ids=tuple(exact), ngram_ids=tuple(ngram))


def save(train: Fingerprints, folder: Path) -> None:
    """Writes the fingerprints into a dataset's folder."""
    columns = {"questions": [sorted(train.questions)], "runs": [sorted(train.runs)]}
    hashes = pa.list_(pa.uint64())
    pq.write_table(pa.table(columns, pa.schema(dict.fromkeys(columns, hashes))), folder / FINGERPRINTS)


def load(folder: Path) -> Fingerprints:
    """Reads the fingerprints of a dataset.

    Raises:
        UserError: The folder holds none.
    """
    try:
        row = pq.read_table(folder / FINGERPRINTS).to_pylist()[0]
    except FileNotFoundError:
        raise UserError("no fingerprints here", where=str(folder), fix="build the dataset again") from None
    return Fingerprints(questions=frozenset(row["questions"]), runs=frozenset(row["runs"]))


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
