"""What a domain itself says to a kind of question: written sentences, beside what its entries say of it.

A dose that was missed, or a figure that was measured, is asked about in the words of daily life; what must be said does
not depend on whether an entry has it. An adviser reads the question and says it, or leaves the question to the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from domains.knowledge_base import Entry, KnowledgeBase


@dataclass(frozen=True)
class AskedOf:
    """A question, as advisers get it.

    Attributes:
        question: With what it leaves to be understood.
        earlier: What the same person said before it.
        named: The entries that it names, the most likely first.
        knowledge: All entries.
    """

    question: str
    earlier: Sequence[str]
    named: tuple[Entry, ...]
    knowledge: KnowledgeBase


class Quoted(NamedTuple):
    """Items of an attribute of an entry that speak of what is asked."""

    entry: Entry
    attribute: str
    items: tuple[str, ...]


@dataclass(frozen=True)
class Advice:
    """An answer.

    Attributes:
        text: The domain's sentences.
        quoted: What entries say of it, which comes first.
    """

    text: str
    quoted: tuple[Quoted, ...] = ()


Adviser = Callable[[AskedOf], Advice | None]


@dataclass(frozen=True)
class FirstAid:
    """What to do at once about an accident.

    Attributes:
        now: What to do before anything else.
        then: Where to go afterwards.
    """

    now: str
    then: str
