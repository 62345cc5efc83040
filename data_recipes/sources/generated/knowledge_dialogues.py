"""What knowledge tuning makes of questions about one entity each: one about two, a change of topic, another name."""

from collections import defaultdict
from collections.abc import Iterable
from random import Random

from data_recipes.schema.example import Example
from domains.knowledge_base import Entry, KnowledgeBase
from domains.wording import DEFINITION


class Partners:
    """The questions of one split that others can be joined with.

    Args:
        examples: The split.
        kb: Its knowledge base.
    """

    def __init__(self, examples: Iterable[Example], kb: KnowledgeBase) -> None:
        self._kb = kb
        self._single = [example for example in examples if self.is_single(example)]
        self._alike: dict[tuple[str, str], list[Example]] = defaultdict(list)
        for example in self._single:
            self._alike[self._type(example), example.kind].append(example)

    def is_single(self, example: Example) -> bool:
        """Whether an example is one question about one attribute of one entry, which names the entry once."""
        if len(example.messages) != 2 or len(example.grounding) != 1 or example.behaviour != "answer":
            return False
        entry = self._kb.by_id[example.grounding[0]]
        return (example.kind == DEFINITION or example.kind in entry.attributes) and name_in(example, entry) != ""

    def with_the_same_attribute(self, example: Example, rng: Random) -> Example | None:
        """Another entry of the same type whose same attribute is asked about; None where there is none."""
        alike = self._alike[self._type(example), example.kind]
        others = [other for other in alike if other.grounding != example.grounding]
        return rng.choice(others) if others else None

    def with_another_topic(self, example: Example, rng: Random) -> Example | None:
        """A question about another entry; None where there is none."""
        drawn = rng.sample(self._single, min(3, len(self._single)))
        return next((other for other in drawn if other.grounding != example.grounding), None)

    def _type(self, example: Example) -> str:
        return self._kb.by_id[example.grounding[0]].type


def name_in(example: Example, entry: Entry) -> str:
    """The name of an entry that a question has just once; empty where there is none."""
    question = example.messages[0].content
    named = max((name for name in entry.names if name in question), key=len, default="")
    return named if named and question.count(named) == 1 else ""


def asked_about(example: Example, entry: Entry, name: str) -> str:
    """The question with another name for the entry."""
    return example.messages[0].content.replace(name_in(example, entry), name)


def about_both(example: Example, entry: Entry, other: Example, other_entry: Entry) -> str:
    """The question with both names: 高血压和冠心病有哪些症状？"""
    return asked_about(example, entry, f"{name_in(example, entry)}和{name_in(other, other_entry)}")
