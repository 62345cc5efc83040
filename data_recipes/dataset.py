"""A dataset on disk: one Parquet file for each split, read back as ``Example``s."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from common.errors import UserError
from common.hashing import sha256_value
from data_recipes.example import Example
from data_recipes.manifest import DatasetManifest

_TEXTS = pa.list_(pa.string())
SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "messages": pa.list_(pa.struct({"role": pa.string(), "content": pa.string()})),
        "source": pa.string(),
        "group": pa.string(),
        "kind": pa.string(),
        "facts": _TEXTS,
        "grounding": _TEXTS,
        "behaviour": pa.string(),
        "phrasing": pa.string(),
        "split": pa.string(),
        "references": _TEXTS,
        "result": pa.string(),
        "choices": _TEXTS,
        "rejected": pa.string(),
        "passage": pa.struct(
            {"context": pa.string(), "question": pa.string(), "spans": pa.list_(pa.list_(pa.int32(), 2))}
        ),
    }
)


@dataclass(frozen=True)
class BuiltDataset:
    """A dataset that was built earlier.

    Attributes:
        directory: Where it lies.
        manifest: What it was built from.
        splits: Its examples by split.
    """

    directory: Path
    manifest: DatasetManifest
    splits: dict[str, list[Example]]


def content_hash(splits: dict[str, list[Example]]) -> str:
    """SHA-256 over the examples of all splits, however they are stored."""
    return sha256_value({name: [example.model_dump() for example in examples] for name, examples in splits.items()})


def save_splits(splits: dict[str, list[Example]], folder: Path) -> None:
    """Writes one Parquet file for each split."""
    for name, examples in splits.items():
        table = pa.Table.from_pylist([example.model_dump() for example in examples], SCHEMA)
        pq.write_table(table, folder / f"{name}.parquet")


def load(directory: Path) -> BuiltDataset:
    """Reads a dataset and checks that it is still the one that was built.

    Args:
        directory: Where ``build`` wrote it.

    Raises:
        UserError: A file is missing, or the examples are not those of the manifest.
    """
    manifest = DatasetManifest.load(directory)
    splits = {name: _load_split(directory / f"{name}.parquet") for name in manifest.splits}
    if content_hash(splits) != manifest.sha256:
        raise UserError(
            "the examples are not those of its manifest", where=str(directory), fix="build the dataset again"
        )
    return BuiltDataset(directory=directory, manifest=manifest, splits=splits)


def _load_split(path: Path) -> list[Example]:
    try:
        table = pq.read_table(path)
    except (FileNotFoundError, pa.ArrowInvalid) as error:
        raise UserError(f"cannot be read: {error}", where=str(path), fix="build the dataset again") from None
    return [Example.model_validate(row) for row in table.to_pylist()]
