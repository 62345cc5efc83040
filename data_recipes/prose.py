"""The knowledge base as an encyclopedia, for pre-training the small base model that the project builds itself.

Each statement stands under a heading, ``高血压的科室：高血压的就诊科室是心血管内科。`` Headings are what make the model look back: to
write the statement it must find the entity and the attribute in the text before it, which is what tuning then turns into
answering questions. There are statements only; how questions are asked is left to tuning.
"""

from collections.abc import Iterator
from random import Random

from data_recipes.instructions import attribute_facts
from data_recipes.knowledge_base import Entry, KnowledgeBase

SENTENCES = 2  # in a paragraph
URGENCY = {
    "emergency": "{name}是急症，要立即拨打120或前往急诊。",
    "urgent": "{name}应当天就医。",
}


def corpus(kb: KnowledgeBase) -> list[str]:
    """Tells the whole knowledge base as short paragraphs.

    Args:
        kb: The knowledge base.

    Returns:
        Paragraphs of one or two statements with their headings; the same ones in the same order every time.
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
    for number, fact in enumerate(attribute_facts(kb, entry)):
        # the statement always uses the entity's own name; every third heading a name that it also goes by
        by_alias = fact.aliases and number % 3 == 0
        headed = fact.aliases[number % len(fact.aliases)] if by_alias else entry.name
        yield f"{headed}的{fact.kind}：{fact.answer}"
    if entry.aliases:
        yield f"{entry.name}也叫{'、'.join(entry.aliases)}。"
    if entry.urgency in URGENCY:
        yield URGENCY[entry.urgency].format(name=entry.name)
