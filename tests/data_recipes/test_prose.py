import re

from data_recipes.knowledge_base import KnowledgeBase
from data_recipes.prose import LONGEST, SENTENCES, corpus


def test_paragraphs_are_short_statements_and_always_the_same(kb: KnowledgeBase) -> None:
    paragraphs = corpus(kb)
    assert paragraphs == corpus(kb)
    assert len(set(paragraphs)) == len(paragraphs)
    for paragraph in paragraphs:
        assert len(paragraph) <= LONGEST
        assert paragraph.count("。") <= SENTENCES
        assert not re.search("[？?{}]", paragraph)


def test_every_fact_is_told_at_least_four_times_about_its_entity(kb: KnowledgeBase) -> None:
    paragraphs = corpus(kb)
    for entry in kb.entries[:: len(kb.entries) // 40]:
        own = [p for p in paragraphs if any(name in p for name in entry.names)]
        for items in entry.attributes.values():
            for item in items:
                assert sum(item.removeprefix("伴") in p for p in own) >= 4, (entry.name, item)


def test_facts_are_told_backwards_too(kb: KnowledgeBase) -> None:
    symptoms = kb.by_name("disease", "2型糖尿病").attributes["症状"]
    assert any(f"{'、'.join(symptoms[:-1])}和{symptoms[-1]}时，要想到2型糖尿病。" in p for p in corpus(kb))


def test_emergencies_are_called_emergencies(kb: KnowledgeBase) -> None:
    text = "\n".join(corpus(kb))
    for disease in kb.of_type("disease"):
        if disease.urgency == "emergency":
            assert re.search(f"{re.escape(disease.name)}[^\n。]*120", text)
