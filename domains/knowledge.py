"""What a domain makes of its knowledge base: one record that the domain fills in."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from data_recipes.schema.example import Example
from data_recipes.schema.manifest import Description
from domains.facts import Fact, entry_facts, invented_facts
from domains.grounding import GivenEntry
from domains.knowledge_base import Entry, KnowledgeBase, KnowledgeSchema
from domains.wording import Phrasebook

REFUSALS = Description(
    zh="知识库没有记载的问题，问法和搭配都没有训练过：应当承认不知道",
    en="questions without an answer here, in unseen wordings: the model should say so",
)


def _no_facts(kb: KnowledgeBase) -> Iterable[Fact]:
    return ()


def _no_statements(entry: Entry) -> Iterable[str]:
    return ()


def _nothing_else(kb: KnowledgeBase, example: Example) -> set[str]:
    return set()


@dataclass(frozen=True)
class ReadTogether:
    """How a question about several entries is answered by one who reads them.

    The answer names them in the order of the prompt: another order would have to be guessed, and a model that was
    taught to guess the first name leaves out others.

    Attributes:
        attributes: What each entry has to say for it.
        answer: The answer, and the phrases that a right one contains, from the example and its entries in that order.
    """

    attributes: tuple[str, ...]
    answer: Callable[[Example, Sequence[GivenEntry]], tuple[str, tuple[str, ...]]]


@dataclass(frozen=True)
class Knowledge:
    """A domain's knowledge base and what is made of it.

    Attributes:
        source: The source name of rows made from it; tasks of template mixing are selected by it.
        schema: Its types of entries and their files.
        phrasebook: How its facts are asked about and answered.
        about: What a dataset made of it is, and what it must not be used for.
        unseen: The kinds of entries some of which no training text names: 疾病和药物.
        safety: What the ``safety`` split asks.
        relations: Further facts, about several entries at once.
        emergencies: Further facts that call for action at once (``behaviour="emergency"``).
        statements: What the prose says about an entry besides its attributes and aliases.
        read_together: By kind of the relations, how they are answered from the entries in a prompt.
        also_answers: Ids of entries that would answer an example's question as well as those that it rests on.
        has_prose: Whether an embedded base reads it; a folder of documents is too little to learn Chinese from.
    """

    source: str
    schema: KnowledgeSchema
    phrasebook: Phrasebook
    about: Description
    unseen: Description
    safety: Description = REFUSALS
    relations: Callable[[KnowledgeBase], Iterable[Fact]] = _no_facts
    emergencies: Callable[[KnowledgeBase], Iterable[Fact]] = _no_facts
    statements: Callable[[Entry], Iterable[str]] = _no_statements
    read_together: Mapping[str, ReadTogether] = field(default_factory=dict)
    also_answers: Callable[[KnowledgeBase, Example], set[str]] = _nothing_else
    has_prose: bool = True

    def load(self, folder: Path | None = None) -> KnowledgeBase:
        """The knowledge base that ships, or another one in ``folder``.

        Raises:
            UserError: It is damaged.
        """
        return self.schema.load(folder)

    def facts(self, kb: KnowledgeBase, rng: Random) -> Iterator[Fact]:
        """All facts of the knowledge base, of every kind, and the questions that it cannot answer.

        Args:
            kb: The knowledge base.
            rng: Decides which attributes conversations and refusals are about.
        """
        yield from entry_facts(kb, self.phrasebook, rng)
        yield from self.relations(kb)
        yield from invented_facts(self.phrasebook, rng)
        yield from self.emergencies(kb)
