"""What can be asked about a knowledge base, with the one right answer: facts, and questions that it cannot answer."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from domains.knowledge_base import Entry, KnowledgeBase
from domains.wording import DEFINITION, Phrasebook, Wording

LONGEST_ANSWER = 90
TURNS = (2, 3)  # of a conversation


@dataclass(frozen=True)
class Fact:
    """Something that can be asked about, with its one canonical answer.

    Attributes:
        key: Unique and stable, e.g. ``D001.症状``.
        kind: Question type for the report.
        wording: The questions.
        slots: What fills the slots of a question.
        answer: The canonical answer.
        items: Phrases that a right answer contains.
        grounding: Ids of the entries that the answer rests on.
        behaviour: What a right answer does.
        aliases: Other names that may fill ``{name}`` in a training question.
        before: Turns of the conversation before this question.
    """

    key: str
    kind: str
    wording: Wording
    slots: Mapping[str, str]
    answer: str
    items: tuple[str, ...]
    grounding: tuple[str, ...]
    behaviour: Literal["answer", "refuse", "emergency"] = "answer"
    aliases: tuple[str, ...] = ()
    before: tuple["Fact", ...] = ()


def entry_facts(kb: KnowledgeBase, phrasebook: Phrasebook, rng: Random) -> Iterator[Fact]:
    """What can be asked about each entry: its attributes, a conversation, something that is not recorded.

    Args:
        kb: The knowledge base.
        phrasebook: How the domain asks and answers.
        rng: Decides which attributes conversations and refusals are about.
    """
    for entry in kb.entries:
        if kb.named(entry.name)[0] is not entry:
            continue  # e.g. a symptom that shares its name with a disease: the question would have two answers
        about = list(attribute_facts(kb, phrasebook, entry))
        yield from about
        attributes = about[1:]
        if entry.type in phrasebook.pointers and len(attributes) >= min(TURNS):
            turns = rng.sample(attributes, min(len(attributes), max(TURNS)))[: rng.choice(TURNS)]
            yield _conversation(entry, turns, phrasebook.pointers[entry.type], rng)
        if entry.type in phrasebook.unknown:
            yield _unknown(entry, *rng.choice(list(phrasebook.unknown[entry.type].items())))


def attribute_facts(kb: KnowledgeBase, phrasebook: Phrasebook, entry: Entry) -> Iterator[Fact]:
    """The definition of an entry and each of its attributes."""
    aliases = tuple(alias for alias in entry.aliases if len(kb.named(alias)) == 1)
    for attribute, wording in phrasebook.wordings[entry.type].items():
        items = (entry.definition,) if attribute == DEFINITION else entry.attributes[attribute]
        items = tuple(phrasebook.plain(item) for item in items)
        if items:
            answer, said = _answer(wording, entry.name, items)
            yield Fact(
                key=f"{entry.id}.{attribute}",
                kind=attribute,
                wording=wording,
                slots={"name": entry.name},
                answer=answer,
                items=said,
                grounding=(entry.id,),
                aliases=aliases,
            )


def invented_facts(phrasebook: Phrasebook, rng: Random) -> Iterator[Fact]:
    """Questions about what does not exist."""
    for entry_type, (heads, tails) in phrasebook.invented.items():
        for name in (head + tail for head in heads for tail in tails):
            yield Fact(
                key=f"invented.{name}",
                kind="unknown",
                wording=rng.choice(list(phrasebook.wordings[entry_type].values())),
                slots={"name": name},
                answer=phrasebook.invented_answer.format(name=name),
                items=(),
                grounding=(),
                behaviour="refuse",
            )


def listed(items: Iterable[str], joint: str = "和") -> str:
    """Joins items as a sentence does: ``头痛、头晕和心悸``."""
    *first, last = items
    between = joint if joint == "，" else "、"
    return joint.join([between.join(first), last]) if first else last


def _answer(wording: Wording, name: str, items: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The answer with as many items, in order of weight, as its maximum length allows."""
    for count in range(len(items), 0, -1):
        answer = wording.answer.format(name=name, items=listed(items[:count], wording.joint))
        if len(answer) <= LONGEST_ANSWER:
            break
    return answer, items[:count]


def _conversation(entry: Entry, turns: list[Fact], pointers: tuple[str, ...], rng: Random) -> Fact:
    """Turns about one entity, only the first of which names it."""
    pointed = [replace(turn, slots={"name": rng.choice(pointers)}, aliases=()) for turn in turns[1:]]
    return replace(pointed[-1], key=f"{entry.id}.multi_turn", kind="multi_turn", before=(turns[0], *pointed[:-1]))


def _unknown(entry: Entry, attribute: str, wording: Wording) -> Fact:
    return Fact(
        key=f"{entry.id}.unknown",
        kind="unknown",
        wording=wording,
        slots={"name": entry.name},
        answer=wording.answer.format(name=entry.name),
        items=(),
        grounding=(entry.id,),
        behaviour="refuse",
    )
