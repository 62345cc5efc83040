"""The project's own medical knowledge base: diseases, drugs, symptoms, examinations and departments.

One JSON line is one entry. Every name that an entry refers to is resolved when the knowledge base is loaded, so that
whatever is made from it (prose, instructions, citations of the service) can rely on it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from common.errors import UserError
from common.hashing import sha256_files
from data_recipes.formats.jsonl import DamagedLine, parsed, raw_lines

EntryType = Literal["disease", "drug", "symptom", "examination", "department"]
Urgency = Literal["emergency", "urgent", "routine"]

KNOWLEDGE = Path(__file__).parent / "medical" / "knowledge"
FILES: dict[EntryType, str] = {
    "disease": "diseases.jsonl",
    "drug": "drugs.jsonl",
    "symptom": "symptoms.jsonl",
    "examination": "examinations.jsonl",
    "department": "departments.jsonl",
}
ATTRIBUTES: dict[EntryType, tuple[str, ...]] = {
    "disease": ("症状", "病因", "检查", "治疗", "用药", "科室", "并发症", "预防", "传染性", "饮食", "就医信号"),
    "drug": ("类别", "适应症", "用法要点", "禁忌", "不良反应", "相互作用", "注意事项"),
    "symptom": ("常见原因", "科室", "护理要点", "就医信号"),
    "examination": ("用途", "注意事项"),
    "department": ("诊疗范围",),
}
REFERENCES: dict[str, EntryType] = {"症状": "symptom", "检查": "examination", "用药": "drug", "科室": "department"}
MAY_BE_EMPTY = {"用药"}  # some diseases are treated without any drug of the knowledge base


class Entry(BaseModel):
    """One entry of the knowledge base.

    Attributes:
        id: Stable id that answers cite, e.g. ``D001``.
        type: What the entry is about.
        name: The canonical name; answers use it even when the question used an alias.
        aliases: Other names in common use.
        urgency: For diseases: how fast one must see a doctor.
        definition: One sentence without the name and the full stop.
        attributes: Short phrases by attribute, the most characteristic first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str = Field(min_length=1)
    type: EntryType
    name: str = Field(min_length=1)
    aliases: tuple[str, ...]
    urgency: Urgency | None = None
    definition: str = Field(min_length=1)
    attributes: dict[str, tuple[str, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """The name and the aliases."""
        return (self.name, *self.aliases)

    @model_validator(mode="after")
    def _has_its_attributes(self) -> "Entry":
        if tuple(self.attributes) != ATTRIBUTES[self.type]:
            raise ValueError(f"attributes of a {self.type} are {', '.join(ATTRIBUTES[self.type])}, in this order")
        for attribute, items in self.attributes.items():
            if attribute not in MAY_BE_EMPTY and not items:
                raise ValueError(f"{attribute} is empty")
            if len(set(items)) < len(items):
                raise ValueError(f"{attribute} repeats an item")
        if (self.type == "disease") != (self.urgency is not None):
            raise ValueError("urgency belongs to diseases, and every disease has one")
        return self


@dataclass(frozen=True)
class KnowledgeBase:
    """All entries, looked up by id, by name or in a text.

    Attributes:
        entries: The entries in the order of their files.
        sha256: Hash of the five files.
    """

    entries: tuple[Entry, ...]
    sha256: str

    @classmethod
    def load(cls, folder: Path = KNOWLEDGE) -> "KnowledgeBase":
        """Reads the five files and resolves every reference between them.

        Args:
            folder: Where ``diseases.jsonl``, ``drugs.jsonl`` and the others lie.

        Raises:
            UserError: A file is missing, a line is damaged, a name is used twice or a reference leads nowhere; the
                message names file and line.
        """
        placed = [item for entry_type, name in FILES.items() for item in _read(folder / name, entry_type)]
        _check_unique(placed)
        _check_references(placed)
        paths = [folder / name for name in FILES.values()]
        return cls(entries=tuple(entry for _, entry in placed), sha256=sha256_files(paths))

    @property
    def version(self) -> str:
        """First digits of the hash, for readers."""
        return self.sha256[:12]

    @cached_property
    def by_id(self) -> dict[str, Entry]:
        """Entries by id."""
        return {entry.id: entry for entry in self.entries}

    def by_name(self, entry_type: EntryType, name: str) -> Entry:
        """The entry of a type with this canonical name.

        Raises:
            KeyError: There is none.
        """
        return self._by_name[entry_type, name]

    def of_type(self, entry_type: EntryType) -> list[Entry]:
        """All entries of a type."""
        return [entry for entry in self.entries if entry.type == entry_type]

    def named(self, term: str) -> tuple[Entry, ...]:
        """The entries that bear a name or alias; more than one where e.g. a disease and a symptom share it."""
        return self._by_term.get(term, ())

    def find(self, text: str) -> list[Entry]:
        """Finds the entries that a text names, by name or alias; of overlapping names the longest counts.

        Args:
            text: A question or an answer.

        Returns:
            The entries in the order of their first mention, each once.
        """
        found = {entry.id: entry for term in self._terms.findall(text) for entry in self.named(term)}
        return list(found.values())

    @cached_property
    def _by_name(self) -> dict[tuple[EntryType, str], Entry]:
        return {(entry.type, entry.name): entry for entry in self.entries}

    @cached_property
    def _by_term(self) -> dict[str, tuple[Entry, ...]]:
        terms: dict[str, tuple[Entry, ...]] = {}
        for entry in self.entries:
            for term in entry.names:
                terms[term] = (*terms.get(term, ()), entry)
        return terms

    @cached_property
    def _terms(self) -> re.Pattern[str]:
        longest_first = sorted(self._by_term, key=lambda term: (-len(term), term))
        return re.compile("|".join(map(re.escape, longest_first)))


_Placed = tuple[str, Entry]  # (file:line, entry)


def _read(path: Path, entry_type: EntryType) -> Iterator[_Placed]:
    for raw in raw_lines(path):
        where = f"{path}:{raw.number}"
        try:
            entry = Entry.model_validate(parsed(raw))
        except DamagedLine as damage:
            raise UserError(damage.detail, where=where, fix=damage.fix) from None
        except ValidationError as error:
            detail = error.errors()[0]
            key = ".".join(map(str, detail["loc"])) or "entry"
            raise UserError(
                f"{key}: {detail['msg']}", where=where, fix="see domains/medical/knowledge/README.md"
            ) from None
        if entry.type != entry_type:
            raise UserError(f"a {entry.type} in the file of the {entry_type}s", where=where, fix="move the line")
        yield where, entry


def _check_unique(placed: list[_Placed]) -> None:
    ids: dict[str, str] = {}
    terms: dict[tuple[str, str], str] = {}
    for where, entry in placed:
        if entry.id in ids:
            raise UserError(f"id {entry.id} is used twice", where=where, fix=f"the other one: {ids[entry.id]}")
        ids[entry.id] = where
        for term in entry.names:
            other = terms.setdefault((entry.type, term), where)
            if other != where:
                raise UserError(f"the name {term} belongs to another entry", where=where, fix=f"the other one: {other}")
        if len(set(entry.names)) < len(entry.names):
            raise UserError("an alias repeats the name or another alias", where=where, fix="remove it")


def _check_references(placed: list[_Placed]) -> None:
    names: dict[EntryType, set[str]] = {t: {e.name for _, e in placed if e.type == t} for t in get_args(EntryType)}
    for where, entry in placed:
        for attribute, referred in REFERENCES.items():
            for item in entry.attributes.get(attribute, ()):
                if item not in names[referred]:
                    raise UserError(
                        f"{attribute}: there is no {referred} {item}",
                        where=where,
                        fix=f"add it to {FILES[referred]} or use a name that is there",
                    )
