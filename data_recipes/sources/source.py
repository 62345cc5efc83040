"""What a source is: one file that knows one kind of raw data and yields examples, row by row."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from common.command import Config
from data_recipes.example import Example
from data_recipes.manifest import Description
from data_recipes.rows import Dropped

ConfigT = TypeVar("ConfigT", bound=Config)


@dataclass(frozen=True)
class Source(Generic[ConfigT]):
    """One kind of raw data.

    Reading streams: a source never holds a whole file in memory unless the format forces it (JSON arrays, XLSX), and
    every row of the file becomes exactly one ``Example`` or one ``Dropped``. A row that cannot be read (not JSON,
    wrong number of fields) is a ``Dropped`` too, with ``file:line`` as its id; the recipe stops when more than
    ``data.max_bad_share`` of the rows are bad. Cleaning, duplicates, personal data, splits and overlap are the steps'
    work, not the source's.

    Attributes:
        config: The typed configuration; its field ``kind`` (a ``Literal``) selects this source.
        read: Yields one item a row, in the order of the file.
        files: The files that ``read`` will read; missing ones are a ``UserError``.
        about: What the data is, and what it must not be used for.
        licence: Licence and origin, as the authors state them.
        splits: What each prescribed or drawn split shows, by name.
    """

    config: type[ConfigT]
    read: Callable[[ConfigT], Iterator[Example | Dropped]]
    files: Callable[[ConfigT], list[Path]]
    about: Description
    licence: str
    splits: dict[str, Description]
