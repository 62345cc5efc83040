"""Citations: ``【D001】`` after text based on the entry ``D001``, and quotes of the entry itself."""

import re
from collections.abc import Collection, Iterable, Mapping

from pydantic import BaseModel

from domains.knowledge_base import Entry
from domains.retrieval.normalise import simplified

_CITATION = re.compile(r"【([A-Za-z]+\d+)】")
CITATIONS = re.compile(r"【([A-Za-z]+\d+(?:[、，,;； ]+[A-Za-z]+\d+)*)】")
_UNFINISHED = re.compile(r"【[A-Za-z0-9、，,;； ]{0,60}$")

AskedFor = Mapping[str, Mapping[str, re.Pattern[str]]]
"""By entry type and attribute: how a question asks for it. An attribute without a pattern is asked for by its name.

What a pattern matches is how it is asked for, what it looks ahead to is what is asked: ``喝(?=酒)``."""


class Quotation(BaseModel):
    """A statement of the knowledge base, in its own words.

    Attributes:
        id: Id of the entry.
        title: Name of the entry; of a passage, its file and headings.
        attribute: The quoted attribute of the entry.
        text: The statement.
        version: First digits of the SHA-256 of the knowledge base.
    """

    id: str
    title: str
    attribute: str
    text: str
    version: str


def marks(ids: Iterable[str]) -> str:
    """The citation of these entries, e.g. ``【D001】【D014】``."""
    return "".join(f"【{id}】" for id in ids)


def cited(text: str) -> set[str]:
    """Ids of the entries that a text cites."""
    return set(_CITATION.findall(text))


def without_foreign_citations(text: str, given: Collection[str]) -> tuple[str, int]:
    """Removes citations of entries that were not given; several ids in one pair of brackets get one pair each.

    Args:
        text: An answer, or a part of one that ends within no citation.
        given: Ids of the entries that may be cited.

    Returns:
        The text, and how many citations were removed.
    """
    removed = 0

    def checked(found: re.Match[str]) -> str:
        nonlocal removed
        ids = re.findall(r"[A-Za-z]+\d+", found[1])
        kept = [id for id in ids if id in given]
        removed += len(ids) - len(kept)
        return marks(kept)

    return CITATIONS.sub(checked, text), removed


def unfinished_citation(text: str) -> int:
    """Length of the end of a text that may be the beginning of a citation."""
    found = _UNFINISHED.search(text)
    return len(found[0]) if found else 0


def quote(question: str, entries: Iterable[Entry], version: str, asked_for: AskedFor) -> list[Quotation]:
    """Quotes what a question asks for; the definition where no attribute is recognised.

    Args:
        question: The question.
        entries: What it is about.
        version: Of their knowledge base.
        asked_for: How its attributes are asked for.
    """
    return [
        quoted_attribute(entry, attribute, version)
        for entry in entries
        for attribute in asked_attributes(entry, question, asked_for) or [entry.opening[0]]
    ]


def quoted_attribute(entry: Entry, attribute: str, version: str) -> Quotation:
    """Quotes an attribute of an entry, or its definition.

    Args:
        entry: The entry.
        attribute: Of the entry, or its opening.
        version: Of its knowledge base.
    """
    return quoted_items(entry, attribute, entry.attributes.get(attribute, ()), version)


def quoted_items(entry: Entry, attribute: str, items: Iterable[str], version: str) -> Quotation:
    """Quotes some items of an attribute, in this order; the definition where there are none.

    Args:
        entry: The entry.
        attribute: Of the entry.
        items: Of the attribute.
        version: Of the knowledge base of the entry.
    """
    listed = "、".join(items)
    text = f"{entry.name}的{attribute}：{listed}。" if listed else entry.quoted
    return Quotation(id=entry.id, title=entry.title, attribute=attribute, text=text, version=version)


def besides_names(question: str, entries: Iterable[Entry]) -> str:
    """What a question says in simplified script besides the names of entries: 药疹会传染吗 asks for no medicine."""
    question = simplified(question)
    for name in (name for entry in entries for name in entry.names):
        question = question.replace(name, "")
    return question


def asked_attributes(entry: Entry, question: str, asked_for: AskedFor) -> list[str]:
    """The attributes of an entry that a question asks for; none where none is recognised.

    Args:
        entry: The entry.
        question: The question.
        asked_for: How attributes are asked for.
    """
    patterns = asked_for.get(entry.type, {})
    question = besides_names(question, [entry])
    return [
        attribute
        for attribute, items in entry.attributes.items()
        if items and (patterns[attribute].search(question) if attribute in patterns else attribute in question)
    ]
