"""A domain's knowledge base: entries of a few types, e.g. diseases and drugs, in files of JSON lines.

One JSON line is one entry. The types, their files and their attributes are the domain's
``KnowledgeSchema``. Every name that an entry refers to is resolved when the knowledge base is loaded, so that whatever
is made from it (prose, instructions, citations of the service) can rely on it.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from common.errors import UserError
from common.hashing import sha256_files
from data_recipes.formats.jsonl import typed_lines
from domains.retrieval.lexicon import FOLDER as LEXICON
from domains.retrieval.lexicon import Lexicon
from domains.wording import DEFINITION

_ENDS_SENTENCE = re.compile("[。！？!?；;：:…]$")


class Entry(BaseModel):
    """One entry of a knowledge base. A type of entries may have further fields, declared by a subclass.

    Attributes:
        id: Stable id that answers cite, e.g. ``D001``.
        type: What the entry is about: the name of an ``EntryType``.
        name: The canonical name; answers use it even when the question used an alias.
        aliases: Other names in common use.
        definition: One sentence without the name and the full stop.
        attributes: Short phrases by attribute, the most characteristic first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str = Field(min_length=1)
    type: str
    name: str = Field(min_length=1)
    aliases: tuple[str, ...]
    definition: str = Field(min_length=1)
    attributes: dict[str, tuple[str, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """The name and the aliases."""
        return (self.name, *self.aliases)

    @property
    def title(self) -> str:
        """What a citation calls it."""
        return self.name

    @property
    def opening(self) -> tuple[str, tuple[str, ...]]:
        """What is said of it first: its label, and the items."""
        return DEFINITION, (self.definition,)

    @property
    def quoted(self) -> str:
        """The same as a sentence for readers."""
        return f"{self.name}是{self.definition}。"

    @property
    def uncut(self) -> list[str]:
        """What it says, in parts that say nothing else when they are quoted alone."""
        return [self.definition, *chain(*self.attributes.values())]


@dataclass(frozen=True)
class EntryType:
    """What the entries of one type have.

    Attributes:
        name: E.g. ``disease``.
        file: Its file in the folder of the knowledge base.
        attributes: In the order of every entry.
        may_be_empty: Attributes that need no item.
        model: ``Entry``, or a subclass with the fields of this type.
    """

    name: str
    file: str
    attributes: tuple[str, ...]
    may_be_empty: frozenset[str] = frozenset()
    model: type[Entry] = Entry


@dataclass(frozen=True)
class KnowledgeSchema:
    """What a domain's knowledge base is made of.

    Attributes:
        folder: The shipped one; its ``README.md`` explains the files to authors of a knowledge base.
        types: The types of entries, in the order in which they are read.
        references: Attributes whose items are canonical names of entries, with the type of these entries.
    """

    folder: Path
    types: tuple[EntryType, ...]
    references: Mapping[str, str] = field(default_factory=dict)

    def files(self, folder: Path | None = None) -> list[Path]:
        """The files of the shipped knowledge base, or of another one in ``folder``."""
        return [(folder or self.folder) / entry_type.file for entry_type in self.types]

    def load(self, folder: Path | None = None) -> "KnowledgeBase":
        """Reads the shipped knowledge base, or another one in ``folder``; see ``KnowledgeBase.load``."""
        return KnowledgeBase.load(self, folder)

    def lexicon(self, folder: Path | None = None) -> Path:
        """Where the lexicon of the shipped knowledge base, or of another one in ``folder``, is if there is one."""
        return (folder or self.folder) / LEXICON

    @property
    def by_name(self) -> dict[str, EntryType]:
        """The types by name."""
        return {entry_type.name: entry_type for entry_type in self.types}


@dataclass(frozen=True, eq=False)  # by identity, so that what is made from it can be kept
class KnowledgeBase:
    """All entries, looked up by id, by name or in a text.

    Attributes:
        entries: The entries in the order of their files.
        sha256: Hash of the files.
        lexicon: What people call the entries; for finding them alone, and not part of the hash.
        described: Whether questions describe the entries rather than name them: passages of documents.
    """

    entries: tuple[Entry, ...]
    sha256: str
    lexicon: Lexicon = field(default_factory=Lexicon)
    described: bool = False

    @classmethod
    def load(cls, schema: KnowledgeSchema, folder: Path | None = None) -> "KnowledgeBase":
        """Reads the files of a knowledge base, with the lexicon beside them, and resolves every reference.

        Args:
            schema: What the knowledge base is made of.
            folder: Where its files are; None for the one that ships with the domain.

        Raises:
            UserError: A file is missing, a line is damaged, a name is used twice or a reference is unresolved; the
                message names file and line.
        """
        paths = schema.files(folder)
        placed = [item for path, of in zip(paths, schema.types, strict=True) for item in _read(path, of, schema)]
        _check_unique(placed)
        _check_references(placed, schema)
        lexicon = Lexicon.load(schema.lexicon(folder), {entry.id for _, entry in placed})
        return cls(tuple(entry for _, entry in placed), sha256_files(paths), lexicon)

    @property
    def version(self) -> str:
        """First digits of the hash, for readers."""
        return self.sha256[:12]

    @cached_property
    def by_id(self) -> dict[str, Entry]:
        """Entries by id."""
        return {entry.id: entry for entry in self.entries}

    def without(self, ids: Collection[str]) -> "KnowledgeBase":
        """The same without some entries; the others may still name them."""
        kept = tuple(entry for entry in self.entries if entry.id not in ids)
        return replace(self, entries=kept, lexicon=self.lexicon.without(ids))

    def by_name(self, entry_type: str, name: str) -> Entry:
        """The entry of a type with this canonical name.

        Raises:
            KeyError: There is none.
        """
        return self._by_name[entry_type, name]

    def of_type(self, entry_type: str) -> list[Entry]:
        """All entries of a type."""
        return [entry for entry in self.entries if entry.type == entry_type]

    def named(self, term: str) -> tuple[Entry, ...]:
        """The entries with a name or alias; more than one where e.g. a disease and a symptom share it."""
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
    def _by_name(self) -> dict[tuple[str, str], Entry]:
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


def joined(items: Iterable[str]) -> str:
    """Items one after the other: whole sentences as they are, anything else with 、 between."""
    *first, last = items
    return "".join(item if _ENDS_SENTENCE.search(item) else f"{item}、" for item in first) + last


_Placed = tuple[str, Entry]  # (file:line, entry)


def _read(path: Path, entry_type: EntryType, schema: KnowledgeSchema) -> Iterator[_Placed]:
    for where, entry in typed_lines(path, entry_type.model, _see(schema)):
        if entry.type != entry_type.name:
            fix = f"move the line; {_see(schema)}"
            raise UserError(f"{entry.type!r} in the file of the type {entry_type.name!r}", where=where, fix=fix)
        if problem := _wrong_attributes(entry, entry_type):
            raise UserError(problem, where=where, fix=_see(schema))
        yield where, entry


def _see(schema: KnowledgeSchema) -> str:
    return f"see {schema.folder / 'README.md'}"


def _wrong_attributes(entry: Entry, entry_type: EntryType) -> str:
    """What is wrong with the attributes of an entry; empty where nothing is."""
    if tuple(entry.attributes) != entry_type.attributes:
        return f"attributes of a {entry_type.name} are {', '.join(entry_type.attributes)}, in this order"
    for attribute, items in entry.attributes.items():
        if not items and attribute not in entry_type.may_be_empty:
            return f"{attribute} is empty"
        if len(set(items)) < len(items):
            return f"{attribute} repeats an item"
    return ""


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


def _check_references(placed: list[_Placed], schema: KnowledgeSchema) -> None:
    names = {of.name: {entry.name for _, entry in placed if entry.type == of.name} for of in schema.types}
    for where, entry in placed:
        for attribute, referred in schema.references.items():
            for item in entry.attributes.get(attribute, ()):
                if item not in names[referred]:
                    raise UserError(
                        f"{attribute}: there is no {referred} {item}",
                        where=where,
                        fix=f"add it to {schema.by_name[referred].file} or use a name from it",
                    )
