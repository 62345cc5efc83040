"""The prose that the base model reads: every fact, as statements, and nothing that looks like a question."""

import re

from domains.facts import attribute_facts
from domains.knowledge_base import KnowledgeBase
from domains.medical.entries import urgency_of
from domains.medical.knowledge_base import KNOWLEDGE
from domains.prose import SENTENCES, corpus


def test_paragraphs_are_short_statements_and_always_the_same(kb: KnowledgeBase) -> None:
    paragraphs = corpus(kb, KNOWLEDGE)
    assert paragraphs == corpus(kb, KNOWLEDGE)
    assert len(set(paragraphs)) == len(paragraphs)
    for paragraph in paragraphs:
        assert 1 <= paragraph.count("。") <= SENTENCES
        assert not re.search("[？?{}]|什么|哪些", paragraph)


def test_every_fact_is_told_and_paragraphs_name_their_entity_again_and_again(kb: KnowledgeBase) -> None:
    paragraphs = corpus(kb, KNOWLEDGE)
    text = "\n".join(paragraphs)
    for entry in kb.entries:
        assert all(fact.answer in text for fact in attribute_facts(kb, KNOWLEDGE.phrasebook, entry)), entry.name
    about = [p for p in paragraphs if p.startswith("高血压")]
    assert about and all(sentence.startswith("高血压") for p in about for sentence in p.split("。") if sentence)


def test_emergencies_are_called_emergencies(kb: KnowledgeBase) -> None:
    text = "\n".join(corpus(kb, KNOWLEDGE))
    for disease in kb.of_type("disease"):
        assert (f"{disease.name}是急症，要立即拨打120或前往急诊。" in text) == (urgency_of(disease) == "emergency")
