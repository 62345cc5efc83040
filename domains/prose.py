"""The knowledge base as plain prose, for pre-training the small base model that the project builds itself.

A paragraph makes a few statements about one entity, and each begins with its name: to write the next one the model
must look back for the name, which is what tuning then turns into answering questions. Every statement is told several
times, in different company: told once, it is learnt from what happens to stand before it and not from its own
beginning. There are statements only; how questions are asked is left to tuning.
"""

from collections.abc import Iterator
from random import Random

from domains.knowledge_base import Entry, KnowledgeBase
from domains.medical.instructions import attribute_facts

TELLINGS = 4  # of every statement
SENTENCES = 4  # at most in a paragraph
URGENCY = {
    "emergency": "{name}是急症，要立即拨打120或前往急诊。",
    "urgent": "{name}应当天就医。",
}


def corpus(kb: KnowledgeBase) -> list[str]:
    """Tells the whole knowledge base as short paragraphs.

    Args:
        kb: The knowledge base.

    Returns:
        Paragraphs of a few statements about one entity; the same ones in the same order every time.
    """
    paragraphs = list(dict.fromkeys(paragraph for entry in kb.entries for paragraph in _paragraphs(kb, entry)))
    Random(0).shuffle(paragraphs)
    return paragraphs


def _paragraphs(kb: KnowledgeBase, entry: Entry) -> Iterator[str]:
    rng = Random(entry.id)
    sentences = list(_sentences(kb, entry))
    for _ in range(TELLINGS):
        rest = rng.sample(sentences, len(sentences))
        while rest:
            count = rng.randint(1, SENTENCES)
            yield "".join(rest[:count])
            rest = rest[count:]


def _sentences(kb: KnowledgeBase, entry: Entry) -> Iterator[str]:
    for fact in attribute_facts(kb, entry):
        yield fact.answer
    if entry.aliases:
        yield f"{entry.name}也叫{'、'.join(entry.aliases)}。"
    if entry.urgency in URGENCY:
        yield URGENCY[entry.urgency].format(name=entry.name)
