"""Knowledge tuning: the entries in the prompt answer the question, or the answer says that they do not."""

from collections import Counter
from random import Random

import pytest

from common.command import read_config
from data_recipes.config import BuildConfig
from data_recipes.schema.example import Example
from data_recipes.sources.generated.knowledge_tuning import KnowledgeTuningSource, read
from domains.citations import cited
from domains.instructions import held_out
from domains.knowledge_base import KnowledgeBase
from domains.medical.knowledge_base import KNOWLEDGE


@pytest.fixture(scope="module")
def config() -> KnowledgeTuningSource:
    sizes = ("train=900", "dev=40", "heldout_phrasing=80", "unseen_entity=80", "safety=40")
    words = ["data=medical_knowledge", "out=unused", *(f"data.splits.{size}" for size in sizes)]
    source = read_config("build", words, BuildConfig)[0].source
    assert isinstance(source, KnowledgeTuningSource)
    return source


@pytest.fixture(scope="module")
def examples(config: KnowledgeTuningSource) -> list[Example]:
    return [item for item in read(config) if isinstance(item, Example)]


def given(example: Example) -> str:
    assert example.messages[0].role == "system"
    return example.messages[0].content


def test_every_answer_cites_the_entries_it_rests_on_and_they_stand_in_the_prompt(examples: list[Example]) -> None:
    for example in examples:
        right = set() if example.behaviour == "refuse" else set(example.grounding)
        assert cited(example.answer) == right
        assert right <= cited(given(example))


def test_what_is_asked_about_can_be_read(examples: list[Example]) -> None:
    lists = [e for e in examples if e.behaviour == "answer" and e.kind not in ("reverse", "comparison", "multi_turn")]
    assert len(lists) > 500
    for example in lists:
        readable = given(example).replace("伴", "")
        assert all(fact.replace("伴", "") in readable for fact in example.facts), example.id


def test_withheld_answers_cannot_be_read(examples: list[Example], kb: KnowledgeBase) -> None:
    withheld = [example for example in examples if example.kind == "not_given"]
    assert 0.05 < len(withheld) / len(examples) < 0.25
    for example in withheld:
        id, attribute, _ = example.id.split(".")
        entry = kb.by_id[id]
        lines = [line for line in given(example).splitlines() if line.startswith(f"【{id}】")]
        assert all(f"；{attribute}：" not in line for line in lines)
        assert example.answer.startswith(f"所给资料没有提到{entry.name}的{attribute}") and not example.facts
    with_entry = sum(f"【{example.id.split('.')[0]}】" in given(example) for example in withheld)
    assert 0 < with_entry < len(withheld)


def test_there_are_distractors_and_the_right_entry_has_no_place_of_its_own(examples: list[Example]) -> None:
    single = [e for e in examples if len(e.grounding) == 1 and e.behaviour == "answer" and e.grounding[0][0] == "D"]
    assert all(len(given(example).splitlines()) == 4 for example in single)
    places = Counter(
        next(n for n, line in enumerate(given(e).splitlines()) if line.startswith(f"【{e.grounding[0]}】"))
        for e in single
    )
    assert sorted(places) == [1, 2, 3] and min(places.values()) > 0.25 * len(single)


def test_training_never_reads_a_held_out_name(
    examples: list[Example], kb: KnowledgeBase, config: KnowledgeTuningSource
) -> None:
    unseen = held_out(kb, KNOWLEDGE, config.held_out_share, Random(f"{config.seed} held out"))
    names = [name for id in unseen for name in kb.by_id[id].names]
    text = "\n".join(m.content for e in examples if e.split in ("train", "dev") for m in e.messages)
    assert names and not [name for name in names if name in text]
    assert any(unseen & set(e.grounding) for e in examples if e.split == "unseen_entity")


def test_the_same_configuration_gives_the_same_examples(config: KnowledgeTuningSource, examples: list[Example]) -> None:
    assert [item for item in read(config) if isinstance(item, Example)] == examples
