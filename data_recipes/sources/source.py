"""What a source is: one file that knows one kind of raw data and yields examples, row by row."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar, get_args

from common.command import Config
from data_recipes.formats.jsonl import check_file
from data_recipes.leakage.normalise import RUN_TOLD
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import Description, GroundingUsed, KnowledgeUsed
from data_recipes.sources.read_notes import ReadNotes

ConfigT = TypeVar("ConfigT", bound=Config)

PROJECT_LICENCE = "written for this project, under its licence"
"""Of the sources that are written here, not read."""

DRAWN = {
    "train": Description(zh="训练集", en="for training"),
    "dev": Description(
        zh=f"用于验证损失；与训练集没有相同的片段，长 {RUN_TOLD[0]}",
        en=f"for the loss; no run of {RUN_TOLD[1]} in common with training",
    ),
    "test": Description(
        zh=f"考察没有见过的问题；与训练集没有相同的片段，长 {RUN_TOLD[0]}",
        en=f"unseen questions; no run of {RUN_TOLD[1]} in common with training",
    ),
}
"""What splits drawn by a recipe show; for sources that have nothing to add."""


PUBLISHED = {
    **DRAWN,
    "dev": Description(zh="公布的验证集：用于验证损失", en="the validation set as published: for the loss"),
    "test": Description(
        zh="公布的测试集；训练集中与它重叠的行已删去",
        en="the test set as published; training rows that overlap with it are dropped",
    ),
}
"""What splits prescribed by the authors show."""


class SourceDetails(NamedTuple):
    """What a source can only say once it knows what it reads.

    Attributes:
        licence: See ``Source.licence``.
        splits: See ``Source.splits``.
        about: See ``Source.about``; None where that holds for everything.
    """

    licence: str
    splits: dict[str, Description]
    about: Description | None = None


@dataclass(frozen=True)
class Source(Generic[ConfigT]):
    """One kind of raw data.

    Reading streams: a source never holds a whole file in memory unless the format forces it (XLSX), and
    every row of the file becomes exactly one ``Example`` or one ``Dropped``. A row that cannot be read (not JSON,
    wrong number of fields, nothing in it) is a ``Dropped`` too, with ``file:line`` as its id; the recipe stops when
    more than ``data.max_bad_share`` of the rows are bad. Cleaning, duplicates, personal data, splits and overlap are
    the steps' work, not the source's.

    Attributes:
        config: The typed configuration; its field ``kind`` (a ``Literal``) selects this source.
        read: Yields one item per row, in the order of the file; at the end, where rows have columns, those that it did
            not read.
        files: The files that ``read`` will read; missing ones are a ``UserError``.
        about: What the data is, and what it must not be used for.
        licence: Licence and origin, as the authors state them.
        splits: What each prescribed or drawn split shows, by name.
        details: ``licence``, ``splits`` and ``about`` of what is read, where they follow from it.
        knowledge: The knowledge base that is read, where it is one.
        grounding: The entries in the prompts, where there are any; None of a dataset that does not say.
        rows_of: Rows in one of several files, for the manifest; not called where there is one file.
        check: The command that lists what is wrong with one of its files and writes a fixed copy, where there is one.
        instructs_in_system: Whether system turns are instructions that it writes itself. Elsewhere a system turn that
            few rows have may hold the case, and is part of the question.
        fields: The fields of a row, for the error about bad ones, where it has no ``check``.
        ungrouped: The setting by which no row shares its group key, so that rows of one group may be on both sides of a
            split; empty where there is none, or it is set.
    """

    config: type[ConfigT]
    read: Callable[[ConfigT], Iterator[Example | Dropped | ReadNotes]]
    files: Callable[[ConfigT], list[Path]]
    about: Description
    licence: str
    splits: dict[str, Description]
    rows_of: Callable[[Path], int] | None = None
    details: Callable[[ConfigT], SourceDetails] | None = None
    knowledge: Callable[[ConfigT], KnowledgeUsed] | None = None
    grounding: Callable[[ConfigT], GroundingUsed | None] = lambda _: GroundingUsed()
    check: Callable[[ConfigT, Path], str] | None = None
    instructs_in_system: bool = False
    fields: str = ""
    ungrouped: Callable[[ConfigT], str] = lambda _: ""

    @property
    def kind(self) -> str:
        """The word in the configuration that selects this source."""
        return str(get_args(self.config.model_fields["kind"].annotation)[0])


def existing(*paths: Path) -> list[Path]:
    """The same paths, for ``Source.files``.

    Raises:
        UserError: One of them is missing, empty or a folder.
    """
    for path in paths:
        check_file(path)
    return list(paths)
