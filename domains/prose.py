"""A knowledge base as plain prose, for pre-training the small base model that the project builds itself.

A paragraph makes a few statements about one entity, and each begins with its name: to write the next one the model
must look back for the name, which tuning then turns into answering questions. Every statement occurs several times, in
different contexts: if it occurred once, the model would learn it from what happens to precede it and not from its own
beginning. There are only statements; how questions are asked is left to tuning.
"""

from collections.abc import Iterator
from random import Random

from domains.facts import attribute_facts
from domains.knowledge import Knowledge
from domains.knowledge_base import Entry, KnowledgeBase

REPEATS = 4  # occurrences of every statement
SENTENCES = 4  # at most in a paragraph


def corpus(kb: KnowledgeBase, knowledge: Knowledge) -> list[str]:
    """The whole knowledge base as short paragraphs.

    Args:
        kb: The knowledge base.
        knowledge: What its domain makes of it.

    Returns:
        Paragraphs of a few statements about one entity; the same ones in the same order every time.
    """
    paragraphs = list(dict.fromkeys(p for entry in kb.entries for p in _paragraphs(kb, knowledge, entry)))
    Random(0).shuffle(paragraphs)
    return paragraphs


def _paragraphs(kb: KnowledgeBase, knowledge: Knowledge, entry: Entry) -> Iterator[str]:
    rng = Random(entry.id)
    sentences = list(_sentences(kb, knowledge, entry))
    for _ in range(REPEATS):
        rest = rng.sample(sentences, len(sentences))
        while rest:
            count = rng.randint(1, SENTENCES)
            yield "".join(rest[:count])
            rest = rest[count:]


def _sentences(kb: KnowledgeBase, knowledge: Knowledge, entry: Entry) -> Iterator[str]:
    for fact in attribute_facts(kb, knowledge.phrasebook, entry):
        yield fact.answer
    if entry.aliases:
        yield f"{entry.name}也叫{'、'.join(entry.aliases)}。"
    yield from knowledge.statements(entry)
