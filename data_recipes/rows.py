"""What reading a source gives: examples by split, and the account of everything that was left out."""

from dataclasses import dataclass
from typing import NamedTuple

from data_recipes.example import Example
from data_recipes.manifest import Description, SourceFile


class Dropped(NamedTuple):
    """One row that did not become an example.

    Attributes:
        id: The id that its example would have had; it holds the row number of files. Never the text.
        reason: One of a few fixed words that are counted.
    """

    id: str
    reason: str


@dataclass(frozen=True)
class Rows:
    """What was made of a source.

    Attributes:
        splits: Examples by split; ``train`` comes first.
        dropped: All rows that were left out.
        files: The files that were read.
        about: What the source is, and what it must not be used for.
        descriptions: What each split shows.
    """

    splits: dict[str, list[Example]]
    dropped: list[Dropped]
    files: list[SourceFile]
    about: Description
    descriptions: dict[str, Description]
