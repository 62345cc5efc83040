"""How one kind of fact is asked about and answered.

Between two slots a phrasing has fewer than 13 characters, so that a question that shares 13 characters with a
training question shares more than its phrasing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

DEFINITION = "定义"
"""The kind of the fact that says what an entry is; every other one is named like an attribute."""


@dataclass(frozen=True)
class Wording:
    """The questions about one kind of fact and the form of its answer.

    Attributes:
        answer: Template of the answer; it restates what was asked about.
        voices: Questions for training by who asks, e.g. ``formal`` for the written register.
        kept: Questions asked only in test sets.
        joint: What joins the last two items of a list.
    """

    answer: str
    voices: Mapping[str, tuple[str, ...]]
    kept: tuple[str, ...]
    joint: str = "和"

    def training(self) -> Iterator[tuple[str, str]]:
        """The phrasings for training with their ids, e.g. ``formal1``."""
        for voice, phrasings in self.voices.items():
            for number, phrasing in enumerate(phrasings, 1):
                yield f"{voice}{number}", phrasing

    def testing(self) -> Iterator[tuple[str, str]]:
        """The phrasings kept for testing with their ids, e.g. ``kept1``."""
        for number, phrasing in enumerate(self.kept, 1):
            yield f"kept{number}", phrasing


Names = tuple[tuple[str, ...], tuple[str, ...]]
"""Heads and tails of names: each head goes with each tail."""


@dataclass(frozen=True)
class Circumstances:
    """Sentences before a question that change nothing about its answer, each shorter than 13 characters.

    Attributes:
        training: Those that training has.
        kept: Those that only tests have.
    """

    training: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Phrasebook:
    """How a domain's facts are asked about and answered.

    Attributes:
        wordings: By type of entry and attribute; the definition first.
        pointers: By type, how an entry is referred to once it was named. Entries of these types are the ones that
            conversations are about and of which some are held out.
        unknown: By type and attribute, what the knowledge base does not contain and users ask nevertheless. A refusal.
        invented: By type, heads and tails of names that do not exist: a refusal must not depend on having seen the
            name.
        invented_answer: What is answered about such a name.
        not_given: What is answered where the sources in the prompt lack the ``{attribute}`` of ``{name}``.
        ask_back: What is answered to a question that does not say what it is about; empty where nothing is asked back.
        emergency: The one answer to emergencies where entries are in the prompt; empty where there are none.
        circumstances: What people tell before they ask.
        leaning: What an item begins with where it refers to the item before, which a list does not have.
    """

    wordings: Mapping[str, Mapping[str, Wording]]
    pointers: Mapping[str, tuple[str, ...]]
    unknown: Mapping[str, Mapping[str, Wording]]
    invented: Mapping[str, Names]
    invented_answer: str
    not_given: str
    ask_back: str = ""
    emergency: str = ""
    circumstances: Circumstances = Circumstances()
    leaning: str = ""

    def plain(self, item: str) -> str:
        """An item as it appears in a list."""
        return item.removeprefix(self.leaning)
