"""The medical dataset: what training must not have seen, and what an answer must be."""

import re
from itertools import chain

import pytest

from data_recipes.pipeline.build import BuiltDataset
from data_recipes.schema.example import Example
from domains.facts import LONGEST_ANSWER
from domains.instructions import write
from domains.knowledge_base import KnowledgeBase
from domains.medical.entries import urgency_of
from domains.medical.knowledge_base import KNOWLEDGE

TESTS = ("heldout_phrasing", "unseen_entity", "safety")


@pytest.fixture(scope="module")
def everything(medical: BuiltDataset) -> list[Example]:
    return list(chain.from_iterable(medical.splits.values()))


def text_of(example: Example) -> str:
    return "\n".join(message.content for message in example.messages)


def test_phrasings_kept_for_testing_are_never_trained(medical: BuiltDataset) -> None:
    for split in ("train", "dev", "unseen_entity"):
        assert not any("kept" in example.phrasing for example in medical.splits[split])
    for split in ("heldout_phrasing", "safety"):
        assert all("kept" in example.phrasing for example in medical.splits[split])


def test_no_training_text_names_an_entity_that_is_kept_for_testing(medical: BuiltDataset, kb: KnowledgeBase) -> None:
    trained = {id for example in medical.splits["train"] for id in example.grounding}
    unseen = {id for example in medical.splits["unseen_entity"] for id in example.grounding} - trained
    assert len(unseen) > 30
    names = re.compile("|".join(re.escape(name) for id in unseen for name in kb.by_id[id].names))
    for split in ("train", "dev", "heldout_phrasing"):
        for example in medical.splits[split]:
            assert not unseen.intersection(example.grounding)
            assert not names.search(text_of(example)), example.id
    for example in medical.splits["unseen_entity"]:
        assert unseen.intersection(example.grounding)


def test_safety_asks_nothing_that_was_trained_in_other_words(medical: BuiltDataset) -> None:
    trained = {example.id.rsplit(".", 1)[0] for example in medical.splits["train"]}
    assert not trained & {example.id.rsplit(".", 1)[0] for example in medical.splits["safety"]}
    behaviours = [example.behaviour for example in medical.splits["safety"]]
    assert min(behaviours.count("emergency"), behaviours.count("refuse")) > len(behaviours) / 4


def test_held_out_phrasings_ask_for_trained_facts_of_many_kinds(medical: BuiltDataset) -> None:
    trained = {example.id.rsplit(".", 1)[0] for example in medical.splits["train"]}
    held_out = medical.splits["heldout_phrasing"]
    assert {example.id.rsplit(".", 1)[0] for example in held_out} <= trained
    assert len({example.kind for example in held_out}) > 20


def test_a_smaller_training_set_is_still_what_its_tests_ask_about(kb: KnowledgeBase) -> None:
    sizes = {"train": 300, "dev": 20, "heldout_phrasing": 20, "unseen_entity": 20, "safety": 20}
    splits, _ = write(kb, KNOWLEDGE, sizes, held_out_share=0.1, seed=3)
    trained = {example.id.rsplit(".", 1)[0] for example in splits["train"]}
    for split in ("dev", "heldout_phrasing"):
        assert splits[split]
        assert {example.id.rsplit(".", 1)[0] for example in splits[split]} <= trained


def test_no_question_of_a_test_set_was_trained(medical: BuiltDataset) -> None:
    for split in TESTS:
        measured = medical.manifest.overlap[split]
        assert (measured.exact, measured.ngram) == (0, 0)


def test_ids_are_unique(everything: list[Example]) -> None:
    assert len({example.id for example in everything}) == len(everything)


def test_a_fact_has_one_answer_in_all_phrasings(everything: list[Example]) -> None:
    answers: dict[str, str] = {}
    for example in everything:
        assert answers.setdefault(example.id.rsplit(".", 1)[0], example.answer) == example.answer


def test_answers_are_short_and_hold_their_facts(everything: list[Example]) -> None:
    for example in everything:
        assert len(example.answer) <= LONGEST_ANSWER
        assert example.answer.endswith("。")
        assert all(fact in example.answer for fact in example.facts), example.id
        assert example.facts or example.behaviour == "refuse"
        assert not re.search(r"[{}]|\d+ ?(毫克|mg|片|粒)", text_of(example))


def test_answers_about_drugs_for_a_disease_refer_to_the_doctor(everything: list[Example]) -> None:
    drugs = [example for example in everything if example.kind == "用药"]
    assert drugs and all(example.answer.endswith("具体用药请遵医嘱。") for example in drugs)


def test_behaviours_begin_as_they_must(everything: list[Example]) -> None:
    beginnings = {"emergency": "请立即拨打120或前往急诊", "refuse": "知识库中没有"}
    for example in everything:
        if beginning := beginnings.get(example.behaviour):
            assert example.answer.startswith(beginning)
        else:
            assert not example.answer.startswith(tuple(beginnings.values()))


def test_symptoms_that_may_be_an_emergency_are_never_answered_with_a_mere_appointment(
    everything: list[Example], kb: KnowledgeBase
) -> None:
    for example in everything:
        if example.kind == "reverse":
            assert "可能是" in example.answer and "就诊" in example.answer
            assert all(urgency_of(kb.by_id[id]) != "emergency" for id in example.grounding)


def test_conversations_point_at_their_entity_after_the_first_turn(everything: list[Example], kb: KnowledgeBase) -> None:
    conversations = [example for example in everything if example.kind == "multi_turn"]
    assert {len(example.messages) for example in conversations} == {4, 6}
    for example in conversations:
        names = kb.by_id[example.grounding[0]].names
        first, *later = [message.content for message in example.messages if message.role == "user"]
        assert any(name in first for name in names)
        assert all(re.search("它|这个病|这种药", question) for question in later)
        assert not any(name in question for name in names for question in later)


def test_training_asks_about_every_fact_that_may_be_trained(medical: BuiltDataset, kb: KnowledgeBase) -> None:
    asked = {example.id.rsplit(".", 1)[0] for example in medical.splits["train"]}
    left_out = {line.split('"')[3] for line in (medical.directory / "dropped.jsonl").read_text().splitlines()}
    unseen = {id for example in medical.splits["unseen_entity"] for id in example.grounding}
    for entry in kb.entries:
        if entry.id not in unseen and kb.named(entry.name)[0] is entry:
            for attribute, items in entry.attributes.items():
                key = f"{entry.id}.{attribute}"
                assert key in asked or key in left_out or not items or entry.type in ("disease", "drug"), key
