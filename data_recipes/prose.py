"""The knowledge base as plain prose, for pre-training the small base model that the project builds itself.

A paragraph makes several statements about one entity, and each begins with its name: to write the next one the model
must look back for the name, which is what tuning then turns into answering questions. There are statements only; how
questions are asked is left to tuning.
"""

from collections.abc import Iterator
from random import Random

from data_recipes.instructions import attribute_facts
from data_recipes.knowledge_base import Entry, KnowledgeBase

SENTENCES = 5  # in a paragraph
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
    paragraphs = [paragraph for entry in kb.entries for paragraph in _paragraphs(kb, entry)]
    Random(0).shuffle(paragraphs)
    return paragraphs


def _paragraphs(kb: KnowledgeBase, entry: Entry) -> Iterator[str]:
    sentences = list(_sentences(kb, entry))
    Random(entry.id).shuffle(sentences)
    for start in range(0, len(sentences), SENTENCES):
        yield "".join(sentences[start : start + SENTENCES])


def _sentences(kb: KnowledgeBase, entry: Entry) -> Iterator[str]:
    for fact in attribute_facts(kb, entry):
        yield fact.answer
    if entry.aliases:
        yield f"{entry.name}也叫{'、'.join(entry.aliases)}。"
    if entry.urgency in URGENCY:
        yield URGENCY[entry.urgency].format(name=entry.name)
