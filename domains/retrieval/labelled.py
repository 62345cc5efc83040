"""How well entries are found: labelled questions, and the shares of them that are answered right."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from common.command import Config
from common.errors import UserError
from data_recipes.formats.jsonl import typed_lines
from domains.knowledge_base import KnowledgeBase
from domains.retrieval.retriever import Retriever

TWO = "two"
"""The kind of the questions that name two entries; both must be found."""

FIRST = 5  # entries that a reader is shown
Z = 1.959964  # of a 95 % interval
DIGITS = 4


class RetrieveConfig(Config):
    """Which questions to judge retrieval on.

    Attributes:
        questions: JSON lines with `question`, `entries`, `kind`, and `earlier` where it goes on from other questions.
    """

    positional = ("questions",)

    questions: Path


class FolderRetrieveConfig(RetrieveConfig):
    """Which questions to judge retrieval on, and in which documents.

    Attributes:
        folder: The folder; null for the one that ships.
    """

    folder: Path | None


class LabelledQuestion(BaseModel):
    """A question with the entries that it is about.

    Attributes:
        question: The question.
        entries: Their ids, any of which is right as the first; none where the knowledge base holds nothing about it.
        kind: How it says what it means, e.g. ``lay``.
        earlier: What the same person asked before it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    question: str = Field(min_length=1)
    entries: tuple[str, ...]
    kind: str = Field(min_length=1)
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judged:
    """A question with what was found.

    Attributes:
        asked: The question.
        found: Ids of the entries that were found, best first.
    """

    asked: LabelledQuestion
    found: tuple[str, ...]

    @property
    def at_1(self) -> bool:
        """Whether the first is right."""
        return self.found[:1] != () and self.found[0] in self.asked.entries

    @property
    def at_5(self) -> bool:
        """Whether a right one is among the first five; of two both."""
        right = set(self.asked.entries) & set(self.found[:FIRST])
        return len(right) == len(self.asked.entries) if self.asked.kind == TWO else bool(right)

    @property
    def nothing(self) -> bool:
        """Whether nothing was found."""
        return not self.found

    @property
    def missed(self) -> list[str]:
        """The measures that it fails."""
        if not self.asked.entries:
            return [] if self.nothing else ["nothing"]
        return [name for name, right in (("at_1", self.at_1), ("at_5", self.at_5)) if not right]


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval (Wilson 1927); all of it where there are no questions.

    Attributes:
        value: The share.
        low: Lower end.
        high: Upper end.
        n: Number of questions.
    """

    value: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, right: Collection[bool]) -> "Share":
        """The share of what is true."""
        n = len(right)
        if n == 0:
            return cls(0.0, 0.0, 1.0, 0)
        value = sum(right) / n
        middle = (value + Z**2 / (2 * n)) / (1 + Z**2 / n)
        margin = Z / (1 + Z**2 / n) * math.sqrt(value * (1 - value) / n + Z**2 / (4 * n**2))
        return cls(value, max(0.0, middle - margin), min(1.0, middle + margin), n)


def read_questions(path: Path, knowledge: KnowledgeBase) -> list[LabelledQuestion]:
    """The labelled questions of a file.

    Raises:
        UserError: A line is damaged, or names an entry that is not there; the message names file and line.
    """
    questions = []
    for where, asked in typed_lines(path, LabelledQuestion):
        if unknown := [id for id in asked.entries if id not in knowledge.by_id]:
            raise UserError(f"there is no entry {unknown[0]}", where=where, fix="label with ids of the knowledge base")
        questions.append(asked)
    return questions


def judge(questions: Iterable[LabelledQuestion], retriever: Retriever) -> list[Judged]:
    """Asks every question."""
    return [
        Judged(asked, tuple(found.entry.id for found in retriever.retrieve(asked.question, asked.earlier).found))
        for asked in questions
    ]


def measures(judged: Sequence[Judged]) -> dict[str, Share]:
    """The shares over questions with entries, and over those without; a measure that applies to none is left out."""
    held = [one for one in judged if one.asked.entries]
    absent = [one.nothing for one in judged if not one.asked.entries]
    found = {"at_1": [one.at_1 for one in held], "at_5": [one.at_5 for one in held], "nothing": absent}
    return {name: Share.of(right) for name, right in found.items() if right}


def by_kind(judged: Sequence[Judged]) -> dict[str, dict[str, Share]]:
    """The same for each kind, in the order of the file."""
    kinds = dict.fromkeys(one.asked.kind for one in judged)
    return {kind: measures([one for one in judged if one.asked.kind == kind]) for kind in kinds}


def report(judged: Sequence[Judged]) -> dict[str, Any]:
    """All of it as JSON can say it: measures, kinds, and the questions that fail one, with what was found instead."""
    return {
        **_plain(measures(judged)),
        "kinds": {kind: _plain(shares) for kind, shares in by_kind(judged).items()},
        "misses": [
            one.asked.model_dump(mode="json") | {"found": one.found[:FIRST], "missed": one.missed}
            for one in judged
            if one.missed
        ],
    }


def _plain(shares: Mapping[str, Share]) -> dict[str, dict[str, float]]:
    return {name: {key: round(value, DIGITS) for key, value in asdict(share).items()} for name, share in shares.items()}
