"""A lexicon beside a knowledge base: what people call its entries, which the entries themselves do not say.

``names.jsonl`` has a line for an entry, ``broader.jsonl`` one for a word that means several entries, ``elsewhere.txt``
names that look like those of entries and have none. All are written by hand and are no part of the knowledge base: its
hash, and what is made of it, do not depend on them.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from common.errors import UserError
from common.hashing import sha256_files
from data_recipes.formats.jsonl import typed_lines

FOLDER, NAMES, BROADER, ELSEWHERE = "lexicon", "names.jsonl", "broader.jsonl", "elsewhere.txt"

Spoken = Literal["lay", "trade", "abbreviation", "regional"]
"""What kind of name an entry has beside its own: of everyday speech, of a product, short, of another region."""

SPOKEN: tuple[Spoken, ...] = ("lay", "trade", "abbreviation", "regional")


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SpokenNames(_Line):
    """What people call an entry.

    Attributes:
        id: Of the entry.
        lay: Names of everyday speech, old names, shortened names.
        trade: Names of products.
        abbreviation: Latin letters; they count only as whole words.
        regional: Names of Taiwan, Hong Kong and other regions, in simplified script.
        described: How somebody says it who knows no name.
    """

    id: str
    lay: tuple[str, ...] = ()
    trade: tuple[str, ...] = ()
    abbreviation: tuple[str, ...] = ()
    regional: tuple[str, ...] = ()
    described: tuple[str, ...] = ()

    def names(self) -> Iterator[tuple[str, Spoken]]:
        """All names with their kinds."""
        for kind in SPOKEN:
            for name in getattr(self, kind):
                yield name, kind


class BroaderWord(_Line):
    """A word that means several entries.

    Attributes:
        word: The word.
        also: Other words for the same.
        entries: Their ids, the most usual first.
    """

    word: str = Field(min_length=1)
    also: tuple[str, ...] = ()
    entries: tuple[str, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Lexicon:
    """What people call the entries of a knowledge base.

    Attributes:
        names: By entry.
        broader: Words that mean several entries.
        elsewhere: Names of what has no entry, though a part of them, or something like them, is the name of one.
        sha256: Hash of the files; empty where there are none.
    """

    names: tuple[SpokenNames, ...] = ()
    broader: tuple[BroaderWord, ...] = ()
    elsewhere: tuple[str, ...] = ()
    sha256: str = ""

    @classmethod
    def load(cls, folder: Path, ids: Collection[str]) -> "Lexicon":
        """Reads the lexicon in ``folder``, which may have any of the files.

        Args:
            folder: Beside the files of the knowledge base.
            ids: Of the entries that are there.

        Raises:
            UserError: A line is damaged or names an entry that is not there; the message names file and line.
        """
        files = lexicon_files(folder)
        names = list(typed_lines(folder / NAMES, SpokenNames)) if folder / NAMES in files else []
        broader = list(typed_lines(folder / BROADER, BroaderWord)) if folder / BROADER in files else []
        seen: dict[str, str] = {}
        for where, line in names:
            _check_ids(where, (line.id,), ids)
            if line.id in seen:
                raise UserError(f"a second line for {line.id}", where=where, fix=f"join it with {seen[line.id]}")
            seen[line.id] = where
        for where, word in broader:
            _check_ids(where, word.entries, ids)
        return cls(
            names=tuple(line for _, line in names),
            broader=tuple(word for _, word in broader),
            elsewhere=tuple((folder / ELSEWHERE).read_text("utf-8").split()) if folder / ELSEWHERE in files else (),
            sha256=sha256_files(files) if files else "",
        )

    def without(self, ids: Collection[str]) -> "Lexicon":
        """The same without some entries."""
        broader = [(word, tuple(id for id in word.entries if id not in ids)) for word in self.broader]
        return replace(
            self,
            names=tuple(line for line in self.names if line.id not in ids),
            broader=tuple(word.model_copy(update={"entries": kept}) for word, kept in broader if kept),
        )


def lexicon_files(folder: Path) -> list[Path]:
    """The files of the lexicon that are in a folder."""
    return [folder / name for name in (NAMES, BROADER, ELSEWHERE) if (folder / name).is_file()]


def _check_ids(where: str, named: tuple[str, ...], ids: Collection[str]) -> None:
    for id in named:
        if id not in ids:
            fix = "add the entry to the knowledge base, or take its id out of this line"
            raise UserError(f"there is no entry {id}", where=where, fix=fix)
