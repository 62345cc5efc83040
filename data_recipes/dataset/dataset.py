"""A dataset on disk: the Parquet files of each split, read back as ``Example``s."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from common.errors import UserError
from common.hashing import sha256_value
from data_recipes.dataset.digest import digest
from data_recipes.schema.arrow import to_examples
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import DatasetManifest
from data_recipes.schema.splits import TRAIN

MOST_DRAWN = 50
"""Rows that an error suggests for a split that is missing."""


class Splits(Mapping[str, list[Example]]):
    """The splits of a dataset; each is read on first use.

    Args:
        directory: Of the dataset.
        names: Of the splits.
    """

    def __init__(self, directory: Path, names: list[str]) -> None:
        self._directory, self._names = directory, names
        self._read: dict[str, list[Example]] = {}

    def __getitem__(self, name: str) -> list[Example]:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._read:
            self._read[name] = [e for table in split_tables(self._directory, name) for e in to_examples(table)]
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True)
class BuiltDataset:
    """A dataset that was built earlier.

    Attributes:
        directory: Where it is.
        manifest: What it was built from.
        splits: Its examples by split.
    """

    directory: Path
    manifest: DatasetManifest
    splits: Mapping[str, list[Example]]

    def require(self, *names: str) -> None:
        """Checks that these splits exist; a set of questions has only ``test``.

        Raises:
            UserError: One is missing.
        """
        if missing := [name for name in names if name not in self.splits]:
            fix = f"choose a dataset with {' and '.join(names)}; this one has {', '.join(self.splits)}"
            rows = self.manifest.splits.get(TRAIN, 0)
            if TRAIN not in missing and rows >= 2 * len(missing):  # which is drawn from the training rows
                sizes = (f"data.splits.{name}={max(1, min(MOST_DRAWN, rows // 10))}" for name in missing)
                fix = f"draw {' and '.join(missing)} from the training rows: {' '.join(sizes)}"
            raise UserError(
                f"the dataset {self.manifest.name} has no split {' and no split '.join(missing)}",
                where=str(self.directory),
                fix=fix,
            )


def hash_of(digests: Mapping[str, str]) -> str:
    """SHA-256 of a dataset from the hashes of its splits."""
    return sha256_value(dict(digests))


def load(directory: Path) -> BuiltDataset:
    """Opens a dataset and checks that it is still the one that was built.

    Args:
        directory: Where ``build`` wrote it.

    Raises:
        UserError: A file is missing, or the examples are not those of the manifest.
    """
    manifest = DatasetManifest.load(directory)
    names = list(manifest.splits)
    if hash_of({name: digest(split_tables(directory, name)) for name in names}) != manifest.sha256:
        raise UserError(
            "the examples are not those of its manifest", where=str(directory), fix="build the dataset again"
        )
    return BuiltDataset(directory=directory, manifest=manifest, splits=Splits(directory, names))


def split_tables(directory: Path, name: str) -> Iterator[pa.Table]:
    """The rows of a split, one row group at a time.

    Raises:
        UserError: A file is missing or damaged.
    """
    whole = directory / f"{name}.parquet"
    for path in sorted(directory.glob(f"{name}-*-of-*.parquet")) or [whole]:
        try:
            file = pq.ParquetFile(path)
            for number in range(file.num_row_groups):
                yield file.read_row_group(number)
        except (OSError, pa.ArrowException) as error:
            raise UserError(f"cannot be read: {error}", where=str(path), fix="build the dataset again") from None
