"""The files of a set that was published in splits: a folder of them at any depth, or one file alone."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from loguru import logger

from common.errors import UserError
from data_recipes.formats.json_rows import read_objects
from data_recipes.formats.jsonl import Line
from data_recipes.formats.tables import TABLES, read_parquet, read_table
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.splits import TRAIN

Names = Mapping[str, tuple[str, ...]]
HUB = {  # as hubs export any set: one or several files per split
    "train": ("train-*.parquet", "train/*.parquet"),
    "dev": ("validation-*.parquet", "validation/*.parquet"),
    "test": ("test-*.parquet", "test/*.parquet"),
}


def published_files(path: str, names: Names) -> list[tuple[str, Path]]:
    """Each file with the split that it prescribes.

    Args:
        path: The folder, or one file of the same format, whose split the recipe draws.
        names: The possible names of each split's file, as patterns; the first one that exists counts. Any split may be
            missing.

    Raises:
        UserError: There is no such file, or several sets are in the folder.
    """
    given = Path(path).expanduser()
    if given.is_file():
        return [("", given)]
    if not given.is_dir():
        raise UserError("the file does not exist", where=path, fix="give source.path=… of the folder or of a file")
    found = [(split, file) for split, patterns in names.items() for file in below(given, patterns)]
    if not found:
        first = next(iter(names.values()))
        raise UserError(
            f"{first[0]} is not in this folder",
            where=path,
            fix="download it, or give source.path=… of one file, from which data.splits draws the others",
        )
    return found


def paths_of(path: str, names: Names) -> list[Path]:
    """The files of a set, for ``Source.files``."""
    return [file for _, file in published_files(path, names)]


def below(folder: Path, patterns: tuple[str, ...]) -> list[Path]:
    """The files below a folder that have the first of some names; shards of one split are in one folder.

    Raises:
        UserError: They are in several folders.
    """
    for pattern in patterns:
        if paths := visible(folder, pattern):
            if len({path.parent for path in paths}) > 1:
                listed = ", ".join(path.relative_to(folder).as_posix() for path in paths[:5])
                raise UserError(
                    f"there are several: {listed}", where=str(folder), fix="give source.path=… of one of their folders"
                )
            return paths
    return []


def visible(folder: Path, pattern: str) -> list[Path]:
    """The files below a folder with such a name, without the hidden ones that some systems put next to each."""
    return sorted(path for path in folder.rglob(pattern) if path.is_file() and not path.name.startswith("."))


def published_lines(path: str, names: Names) -> Iterator[tuple[str, Line | Dropped]]:
    """The rows of a set, each with its split; the shards of a split are numbered consecutively.

    Raises:
        UserError: As ``published_files`` and the reading of each file.
    """
    found = published_files(path, names)
    if TRAIN in names and not {TRAIN, ""} & dict(found).keys():
        logger.warning("no {} in {}: the dataset has no training rows", names[TRAIN][0], path)
    labels = labels_of([file for _, file in found])
    for split, files in groupby(found, key=lambda placed: placed[0]):
        for line in numbered([file for _, file in files], published_rows, labels):
            yield split, line


def labels_of(files: Sequence[Path]) -> dict[Path, str]:
    """What ``file:line`` calls each file: its name, with its folders where two files have the same."""
    named = Counter(file.name for file in files)
    above = Path(os.path.commonpath([file.parent for file in files]))
    return {file: file.name if named[file.name] == 1 else file.relative_to(above).as_posix() for file in files}


def labelled(rows: Iterator[Line | Dropped], label: str) -> Iterator[Line | Dropped]:
    """The rows of a file with its label in their ``file:line``."""
    for row in rows:
        if isinstance(row, Line):
            yield row._replace(where=f"{label}:{row.where.rpartition(':')[2]}")
        else:
            yield row._replace(id=f"{label}:{row.id.rpartition(':')[2]}")


def numbered(
    files: Sequence[Path], read: Callable[[Path], Iterator[Line | Dropped]], labels: Mapping[Path, str]
) -> Iterator[Line | Dropped]:
    """The rows of several files as if they were one."""
    number = 0
    for file in files:
        start = number
        for line in labelled(read(file), labels[file]):
            if isinstance(line, Line):
                number = start + line.number
                yield line._replace(number=number)
            else:
                yield line


def published_rows(path: Path) -> Iterator[Line | Dropped]:
    """The rows of a published file, whatever its format, with the values as they are."""
    if path.suffix.lower() == ".parquet":
        return read_parquet(path)
    return read_table(path, []) if path.suffix.lower() in TABLES else read_objects(path)


def rows_of(path: Path) -> int:
    """Rows in a published file, good and bad ones."""
    return sum(1 for _ in published_rows(path))
