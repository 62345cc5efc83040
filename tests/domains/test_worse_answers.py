"""Worse answers: never a right one by what the knowledge base says, always under the name that was asked."""

from collections import Counter
from random import Random

import pytest

from data_recipes.pipeline.build import BuiltDataset
from data_recipes.schema.example import Example
from domains.knowledge_base import KnowledgeBase
from domains.medical.phrasings import PHRASEBOOK
from domains.worse_answers import WorseAnswers


@pytest.fixture(scope="module")
def train(medical: BuiltDataset) -> list[Example]:
    return medical.splits["train"][::8]


@pytest.fixture(scope="module")
def worse(medical: BuiltDataset, kb: KnowledgeBase, train: list[Example]) -> dict[str, str]:
    answers = WorseAnswers.of(kb, PHRASEBOOK, medical.splits["train"])
    rng = Random("test")
    return {example.id: answers.to(example, rng) for example in train}


def test_what_is_not_a_comparison_or_a_search_for_a_disease_has_a_worse_answer(
    train: list[Example], worse: dict[str, str]
) -> None:
    without = Counter(example.kind for example in train if not worse[example.id])
    assert without["reverse"] and without["comparison"]  # the rules have none for them
    assert without.total() - without["reverse"] - without["comparison"] < 0.005 * len(train)


def test_none_states_a_fact_that_was_asked_for(train: list[Example], worse: dict[str, str], kb: KnowledgeBase) -> None:
    for example in train:
        if worse[example.id] and example.behaviour == "answer" and len(example.prompt) == 1:
            stated = worse[example.id].removeprefix(kb.by_id[example.grounding[0]].name)  # 过敏 is in 过敏性鼻炎
            assert stated != worse[example.id]
            assert not any(fact in stated for fact in example.facts), example.id


def test_facts_of_another_entry_are_said_under_the_name_that_was_asked(
    train: list[Example], worse: dict[str, str], kb: KnowledgeBase
) -> None:
    other_entry = other_attribute = 0
    for example in train:
        text = worse[example.id]
        if text and example.behaviour == "answer" and example.kind == "症状":
            name = kb.by_id[example.grounding[0]].name
            assert text.startswith(name)
            other_entry += "的常见症状有" in text
            other_attribute += "的常见症状有" not in text
    assert min(other_entry, other_attribute) > 0.3 * (other_entry + other_attribute)


def test_made_up_names_get_made_up_facts_and_emergencies_an_ordinary_answer(
    train: list[Example], worse: dict[str, str]
) -> None:
    for example in train:
        if example.behaviour == "refuse":
            assert "知识库" not in worse[example.id]
            if not example.grounding:
                assert worse[example.id].startswith(example.id.split(".")[1])
        if example.behaviour == "emergency":
            assert "120" not in worse[example.id]
