"""What was built, from what, and what was dropped: ``manifest.json`` of a dataset.

Nothing here depends on the time or place of the build: the same sources, configuration and code give the same bytes.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from common.errors import UserError
from common.files import read_json, write_json

MANIFEST = "manifest.json"
FORMAT: Literal[2] = 2


class _ManifestSection(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class SourceFile(_ManifestSection):
    """A file that was read; ``path`` is its name without folders.

    ``rows`` is null where several files make up the rows together and the source does not say which.
    """

    path: str
    sha256: str
    rows: int | None


class Counts(_ManifestSection):
    """The account of all rows: ``read`` equals ``kept`` plus everything in ``dropped``, by reason."""

    read: int
    kept: int
    dropped: dict[str, int]

    @property
    def told(self) -> str:
        """The account in a line, e.g. ``read 121, kept 90, dropped duplicate_question 31``."""
        dropped = ", ".join(f"{reason} {number}" for reason, number in self.dropped.items()) or "none"
        return f"read {self.read}, kept {self.kept}, dropped {dropped}"

    @model_validator(mode="after")
    def _balances(self) -> "Counts":
        if self.read != self.kept + sum(self.dropped.values()):
            raise ValueError(f"read {self.read} is not kept {self.kept} plus dropped {sum(self.dropped.values())}")
        return self


class Description(_ManifestSection):
    """A sentence or two in Chinese and English."""

    zh: str
    en: str


class SplitOverlap(_ManifestSection):
    """How many questions of a split equal a training question, or share a run of characters with one: 13 of
    them, and 60 where most are Latin letters."""

    n: int
    exact: int
    ngram: int


class LargeGroup(_ManifestSection):
    """Linked rows that are a large share of all, so that no split can have some of them.

    Attributes:
        rows: How many they are.
        share: Of the rows that splits are drawn from.
        link: What links most of them: a run of characters, one question, near-duplicates, or the group key.
        linked: How many rows have that link.
        text: The run; of other links the beginning of a question.
    """

    rows: int
    share: float
    link: Literal["run", "question", "near_duplicates", "group"]
    linked: int
    text: str

    @property
    def told(self) -> str:
        """One line for people."""
        links = {"run": "a run", "question": "one question", "near_duplicates": "near-duplicates", "group": "one group"}
        return f"{self.rows} rows ({self.share:.0%}) in one group; {self.linked} by {links[self.link]}: {self.text!r}"


class StepCount(_ManifestSection):
    """What one step did: the rows it received, those it dropped by reason, and what it changed in the others."""

    name: str
    read: int
    dropped: dict[str, int] = {}
    changed: dict[str, int] = {}


class ProtectedSet(_ManifestSection):
    """What training must not overlap with: the name of the set and the hash of its fingerprints."""

    name: str
    sha256: str


class KnowledgeUsed(_ManifestSection):
    """The knowledge base that a dataset was made from: its domain, and the hash of its files."""

    domain: str
    sha256: str


class GroundingUsed(_ManifestSection):
    """The entries of a knowledge base in the prompts of a dataset.

    Attributes:
        kind: Whether there are any.
        template: Name of the template in ``domains/prompts/`` that they were written with; empty without entries.
        sha256: Its hash.
        entries: Entries in a prompt, unless the answer rests on more.
        attributes: Attributes of an entry, unless the answer needs more.
    """

    kind: Literal["none", "entries"] = "none"
    template: str = ""
    sha256: str = ""
    entries: int = 0
    attributes: int = 0


class DatasetManifest(_ManifestSection):
    """The manifest of a dataset.

    Attributes:
        name: The dataset's name.
        about: What it is, and what it must not be used for.
        licence: Licence and origin of the source.
        format: Version of this file's layout.
        code: Hash of the recipe's code.
        seed: Seed of every random choice.
        config: The configuration, without machine-dependent paths.
        counts: The account of all rows.
        splits: Examples by split.
        descriptions: What each split shows.
        sources: The files that were read.
        unread: Columns of these that are not read, and rows in which they hold something; empty before it was recorded.
        as_text: Kinds of values that were written as text, and rows with one.
        knowledge: The knowledge base that it was made from, if any.
        grounding: The entries in its prompts; None before it was recorded.
        steps: What each step did, in their order.
        protected_sets: What no training question overlaps with; called ``suites`` in the file.
        overlap: What each split other than ``train`` shares with the training questions.
        large_groups: Groups that are a large share of the rows that splits were drawn from.
        sha256: Hash of the examples of all splits, however they are stored.
    """

    name: str
    about: Description
    licence: str = ""
    format: Literal[2] = FORMAT
    code: str
    seed: int
    config: dict[str, Any]
    counts: Counts
    splits: dict[str, int]
    descriptions: dict[str, Description]
    sources: list[SourceFile]
    unread: dict[str, int] = {}
    as_text: dict[str, int] = {}
    knowledge: KnowledgeUsed | None = None
    grounding: GroundingUsed | None = None
    steps: list[StepCount] = []
    protected_sets: list[ProtectedSet] = Field([], alias="suites")
    overlap: dict[str, SplitOverlap]
    large_groups: list[LargeGroup] = []
    sha256: str

    @model_validator(mode="after")
    def _adds_up(self) -> "DatasetManifest":
        if self.counts.kept != sum(self.splits.values()):
            raise ValueError(f"kept {self.counts.kept} is not the sum of the splits {sum(self.splits.values())}")
        return self

    def save(self, folder: Path) -> None:
        """Writes ``manifest.json``."""
        write_json(folder / MANIFEST, self.model_dump(by_alias=True))

    @classmethod
    def load(cls, folder: Path) -> "DatasetManifest":
        """Reads ``manifest.json``.

        Raises:
            UserError: There is no dataset, or its manifest is damaged or of another format.
        """
        path = folder / MANIFEST
        if not path.is_file():
            raise UserError(
                "there is no dataset here",
                where=str(folder),
                fix="build it: python data_recipes/build.py data=NAME out=DIR",
            )
        values = read_json(path)
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise UserError(f"not a manifest of format {FORMAT}", where=str(path), fix="build the dataset again")
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            detail = error.errors()[0]
            key = ".".join(map(str, detail["loc"]))
            raise UserError(f"{key}: {detail['msg']}", where=str(path), fix="build the dataset again") from None
