"""Worse answers made by rule: the facts of another entry under this one's name, or another attribute of the same entry.

They are wrong, or beside the point, by construction and not by judgement: now and then the facts of another entry are
also true of this one, in words that the rule does not compare.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from data_recipes.schema.example import Example
from domains.knowledge_base import Entry, KnowledgeBase
from domains.wording import DEFINITION, Phrasebook

INVENTED = "invented."
"""What the ids of questions about names that do not exist begin with; the name follows."""


class KnownAnswer(NamedTuple):
    """What is answered about one attribute of an entry.

    Attributes:
        entry: The entry.
        kind: The attribute.
        text: The answer; it names the entry.
        facts: Phrases that it states.
    """

    entry: Entry
    kind: str
    text: str
    facts: frozenset[str]

    def said_of(self, name: str) -> str:
        """The same under another name."""
        return self.text.replace(self.entry.name, name, 1)

    def shares_a_fact_with(self, example: Example) -> bool:
        """Whether it states a fact that was asked for, or the right answer one of its facts, also within another."""
        return any(fact in self.text for fact in example.facts) or any(fact in example.answer for fact in self.facts)


@dataclass(frozen=True)
class WorseAnswers:
    """Makes worse answers from the right ones of a training split.

    Attributes:
        kb: The knowledge base.
        phrasebook: How its domain asks and answers.
        by_kind: What is answered, by type of entry and attribute.
        by_entry: What is answered, by the id of the entry.
    """

    kb: KnowledgeBase
    phrasebook: Phrasebook
    by_kind: Mapping[tuple[str, str], list[KnownAnswer]]
    by_entry: Mapping[str, list[KnownAnswer]]

    @classmethod
    def of(cls, kb: KnowledgeBase, phrasebook: Phrasebook, train: Iterable[Example]) -> "WorseAnswers":
        """From the examples of a training split, so that nothing is said that it does not say."""
        known = {}
        for example in train:
            if (entry := _asked_attribute_of(kb, example)) and entry.name in example.answer:
                known[entry.id, example.kind] = KnownAnswer(
                    entry, example.kind, example.answer, frozenset(example.facts)
                )
        by_kind, by_entry = defaultdict(list), defaultdict(list)
        for answer in known.values():
            by_kind[answer.entry.type, answer.kind].append(answer)
            by_entry[answer.entry.id].append(answer)
        return cls(kb, phrasebook, dict(by_kind), dict(by_entry))

    def to(self, example: Example, rng: Random) -> str:
        """A worse answer to a question; empty where the rules have none, e.g. for a comparison of two entries."""
        rules = self._rules(example)
        for rule in rng.sample(rules, len(rules)):
            if answers := rule(example):
                return rng.choice(answers)
        return ""

    def _rules(self, example: Example) -> list[Callable[[Example], list[str]]]:
        if example.id.startswith(INVENTED):
            return [self._made_up]
        if _asked_attribute_of(self.kb, example):
            return [self._of_another_entry, self._of_another_attribute]
        if len(example.grounding) == 1 and (example.behaviour != "answer" or len(example.prompt) > 1):
            return [self._of_another_attribute]
        return []

    def _of_another_entry(self, example: Example) -> list[str]:
        """The same attribute of other entries of the type, whose facts are others."""
        entry = self.kb.by_id[example.grounding[0]]
        return [
            other.said_of(entry.name)
            for other in self.by_kind.get((entry.type, example.kind), ())
            if other.entry is not entry
            and not other.shares_a_fact_with(example)
            and not any(entry.name in fact for fact in other.facts)
        ]

    def _of_another_attribute(self, example: Example) -> list[str]:
        """What is known of the entry and was not asked."""
        return [
            other.text
            for other in self.by_entry.get(example.grounding[0], ())
            if other.kind != example.kind and not other.shares_a_fact_with(example)
        ]

    def _made_up(self, example: Example) -> list[str]:
        """What is known of existing entries, said of a name that does not exist."""
        name = example.id.removeprefix(INVENTED).rpartition(".")[0]
        types = (
            entry_type
            for entry_type, (heads, tails) in self.phrasebook.invented.items()
            if name in {head + tail for head in heads for tail in tails}
        )
        invented = next(types)
        return [
            other.said_of(name)
            for (entry_type, _), answers in self.by_kind.items()
            if entry_type == invented
            for other in answers
        ]


def _asked_attribute_of(kb: KnowledgeBase, example: Example) -> Entry | None:
    """The entry one of whose attributes a single question asks for; None for any other question."""
    if example.behaviour != "answer" or len(example.grounding) != 1 or len(example.prompt) > 1:
        return None
    entry = kb.by_id[example.grounding[0]]
    return entry if example.kind == DEFINITION or example.kind in entry.attributes else None
