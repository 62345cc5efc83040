"""Built datasets as what other datasets are made of: their files, rows, licences and splits."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from common.errors import UserError
from data_recipes.dataset.dataset import load, split_tables
from data_recipes.schema.arrow import to_examples
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import MANIFEST, DatasetManifest, GroundingUsed
from data_recipes.schema.splits import DEV, TRAIN


class SourceDataset(NamedTuple):
    """A dataset that was built earlier.

    Attributes:
        directory: Where it is.
        manifest: What it was built from.
    """

    directory: Path
    manifest: DatasetManifest

    @property
    def name(self) -> str:
        """Its name."""
        return self.manifest.name

    @property
    def tests(self) -> list[str]:
        """Its splits other than training and dev."""
        return [name for name in self.manifest.splits if name not in (TRAIN, DEV)]

    @property
    def files(self) -> list[Path]:
        """Its manifest and the files of its splits."""
        names = self.manifest.splits
        shards = [p for n in names for p in sorted(self.directory.glob(f"{n}-*-of-*.parquet"))]
        whole = [p for n in names if (p := self.directory / f"{n}.parquet").is_file()]
        return [self.directory / MANIFEST, *whole, *shards]

    def rows(self, split: str) -> Iterator[Example]:
        """The examples of a split, in their order; none where there is no such split."""
        if split in self.manifest.splits:
            for table in split_tables(self.directory, split):
                yield from to_examples(table)


def open_dataset(path: str) -> SourceDataset:
    """Opens a built dataset.

    Raises:
        UserError: There is none.
    """
    directory = Path(path).expanduser()
    return SourceDataset(directory, DatasetManifest.load(directory))


def open_datasets(paths: Sequence[str]) -> list[SourceDataset]:
    """Opens several built datasets.

    Raises:
        UserError: One is missing, or two have the same name.
    """
    found = [open_dataset(path) for path in paths]
    names = [one.name for one in found]
    if len(set(names)) < len(names):
        raise UserError("two of them have the same name", where="source.paths", fix="build one with another data.name")
    return found


def checked(one: SourceDataset) -> SourceDataset:
    """The same dataset, once its rows were found to be those of its manifest.

    Raises:
        UserError: They are not.
    """
    load(one.directory)
    return one


def licences(found: Sequence[SourceDataset]) -> str:
    """The licences of all datasets, each with the hash of its content."""
    return "; ".join(f"{p.name} (sha256 {p.manifest.sha256}): {p.manifest.licence or 'not stated'}" for p in found)


def common_grounding(found: Sequence[SourceDataset]) -> GroundingUsed | None:
    """The entries in the prompts of all datasets; None where one of them does not say.

    Raises:
        UserError: Two of them were written with different templates, or give different numbers of entries.
    """
    used = [one.manifest.grounding for one in found]
    if None in used:
        return None
    with_entries = {grounding for grounding in used if grounding and grounding.kind == "entries"}
    if len(with_entries) > 1:
        raise UserError(
            "their prompts give entries of the knowledge base in different forms, and a model is served with one",
            where="source.paths",
            fix="build them again with the same source.entries and source.attributes",
        )
    return next(iter(with_entries), GroundingUsed())


def rows_of(path: Path) -> int:
    """Rows of one of a dataset's files; a manifest has none."""
    return int(pq.ParquetFile(path).metadata.num_rows) if path.suffix == ".parquet" else 0
