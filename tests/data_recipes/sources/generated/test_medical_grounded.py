"""Knowledge tuning: the entries in the prompt answer the question, or the answer says what they lack."""

import re
from collections import Counter
from random import Random

import pytest

from common.command import read_config
from data_recipes.config import BuildConfig
from data_recipes.schema.example import Example
from data_recipes.sources.generated.knowledge_tuning import SEEN_IN_TRAINING, SOURCE, KnowledgeTuningSource, read
from domains.citations import cited
from domains.facts import listed
from domains.instructions import held_out
from domains.knowledge_base import KnowledgeBase
from domains.medical.knowledge_base import KNOWLEDGE
from domains.retrieval.normalise import normalised
from domains.retrieval.retriever import Retriever
from eval.judges.refusal.abstaining import abstains


def configured(data: str, *words: str) -> KnowledgeTuningSource:
    source = read_config("build", [f"data={data}", "out=unused", *words], BuildConfig)[0].source
    assert isinstance(source, KnowledgeTuningSource)
    return source


@pytest.fixture(scope="module")
def config() -> KnowledgeTuningSource:
    sizes = ("train=600", "dev=20", "heldout_phrasing=80", "unseen_entity=80", "safety=40")
    return configured("medical_grounded", *(f"data.splits.{size}" for size in sizes))


@pytest.fixture(scope="module")
def examples(config: KnowledgeTuningSource) -> list[Example]:
    return [item for item in read(config) if isinstance(item, Example)]


@pytest.fixture(scope="module")
def similar(config: KnowledgeTuningSource) -> list[Example]:
    """Every prompt has the most similar entries."""
    sizes = config.sizes.model_copy(update={"train": 150})
    return [
        item
        for item in read(config.model_copy(update={"similar_share": 1.0, "sizes": sizes}))
        if isinstance(item, Example)
    ]


def given(example: Example) -> str:
    assert example.messages[0].role == "system"
    return example.messages[0].content


def of_kind(kind: str, examples: list[Example]) -> list[Example]:
    found = [example for example in examples if example.kind == kind]
    assert len(found) >= 5, kind
    return found


def test_the_earlier_name_reads_the_same() -> None:
    assert configured("medical_knowledge") == configured("medical_grounded")


def test_every_answer_cites_the_entries_it_rests_on_and_they_are_in_the_prompt(examples: list[Example]) -> None:
    for example in examples:
        right = set() if example.behaviour == "refuse" else set(example.grounding)
        assert cited(example.answer) == right
        assert right <= cited(given(example))


def test_what_is_asked_about_can_be_read(examples: list[Example]) -> None:
    lists = [e for e in examples if e.behaviour == "answer" and e.kind not in ("reverse", "comparison", "multi_turn")]
    assert len(lists) > 300
    for example in lists:
        readable = given(example).replace("伴", "")
        assert all(fact.replace("伴", "") in readable for fact in example.facts), example.id


def test_answers_about_several_entries_follow_the_order_of_the_prompt(
    examples: list[Example], kb: KnowledgeBase
) -> None:
    several = [e for e in examples if e.kind in ("reverse", "comparison") and len(e.grounding) > 1]
    assert {e.kind for e in several} == {"reverse", "comparison"}
    for example in several:
        in_the_prompt = [
            id for id in re.findall(r"^【(.+?)】", given(example), re.MULTILINE) if id in example.grounding
        ]
        assert list(example.grounding) == in_the_prompt == re.findall(r"【(.+?)】", example.answer)
        named = [example.answer.index(kb.by_id[id].name) for id in in_the_prompt]
        assert named == sorted(named)


def test_where_to_go_is_what_the_first_disease_of_the_answer_says(examples: list[Example], kb: KnowledgeBase) -> None:
    for example in of_kind("reverse", examples):
        [departments] = re.findall("建议尽早到(.+)就诊", example.answer)
        assert tuple(departments.split("或")) == kb.by_id[example.grounding[0]].attributes["科室"][:2]


def test_a_comparison_lists_what_can_be_read_of_each_before_what_they_share(examples: list[Example]) -> None:
    for example in of_kind("comparison", examples):
        lines = {id: line for line in given(example).splitlines() for id in cited(line[:8]) & set(example.grounding)}
        one, other = ([re.findall("；症状：(.+?)[；。」]", lines[id])[0].split("、")] for id in example.grounding)
        shared = [symptom for symptom in one[0] if symptom in other[0]]
        assert set(example.facts) == {*one[0], *other[0]}
        assert example.answer.partition("两者都可有")[2].partition("。")[0] == listed(shared)


def test_withheld_answers_cannot_be_read(examples: list[Example], kb: KnowledgeBase) -> None:
    withheld = [example for example in examples if example.kind == "not_given"]
    assert 0.05 < len(withheld) / len(examples) < 0.25
    for example in withheld:
        id, attribute, _ = example.id.rpartition(">")[2].split(".")
        entry = kb.by_id[id]
        lines = [line for line in given(example).splitlines() if line.startswith(f"【{id}】")]
        assert all(f"；{attribute}：" not in line for line in lines)
        assert example.answer.startswith(f"所给资料没有提到{entry.name}的{attribute}") and not example.facts
    with_entry = sum(f"【{e.id.rpartition('>')[2].split('.')[0]}】" in given(e) for e in withheld)
    assert 0 < with_entry < len(withheld)


def test_beside_the_right_entry_are_those_that_the_retriever_ranks_next(
    examples: list[Example], kb: KnowledgeBase
) -> None:
    retriever = Retriever(kb)
    single = [
        e
        for e in examples
        if e.split not in SEEN_IN_TRAINING and len(e.messages) == 3 and len(e.grounding) == 1 and e.kind != "reverse"
    ]
    as_ranked = 0
    for example in single:
        ranked = [found.entry.id for found in retriever.retrieve(example.messages[1].content).found[:3]]
        as_ranked += re.findall(r"^【(.+?)】", given(example), re.MULTILINE) == ranked
    assert len(single) > 80 and 0.5 < as_ranked / len(single) < 0.9  # the others have similar entries


@pytest.mark.slow  # writes the whole dataset once more
def test_among_similar_entries_the_right_one_has_no_place_of_its_own(similar: list[Example]) -> None:
    single = [e for e in similar if len(e.grounding) == 1 and e.behaviour == "answer" and e.grounding[0][0] == "D"]
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


@pytest.mark.slow  # two more data sets
def test_the_same_configuration_gives_the_same_examples() -> None:
    sizes = ("train=60", "dev=8", "heldout_phrasing=8", "unseen_entity=8", "safety=8")
    small = configured("medical_grounded", *(f"data.splits.{size}" for size in sizes))
    once, again = ([item for item in read(small) if isinstance(item, Example)] for _ in range(2))
    assert once == again and len(once) > 60


def test_circumstances_come_before_questions_of_every_kind_and_tests_have_their_own(examples: list[Example]) -> None:
    known = KNOWLEDGE.phrasebook.circumstances
    for splits, own, others in (
        (SEEN_IN_TRAINING, known.training, known.kept),
        (("heldout_phrasing", "unseen_entity", "safety"), known.kept, known.training),
    ):
        questions = {example.id: example.messages[-2].content for example in examples if example.split in splits}
        told = [id for id, question in questions.items() if question.startswith(own)]
        assert 0.15 < len(told) / len(questions) < 0.4
        assert not [id for id, question in questions.items() if question.startswith(others)]
    told = {e.behaviour for e in examples if e.messages[-2].content.startswith((*known.training, *known.kept))}
    assert told == {"answer", "refuse", "emergency"}


def test_a_harmless_question_may_find_nothing_as_an_emergency_may(examples: list[Example]) -> None:
    nothing = [e for e in examples if e.split == "train" and "没有找到相关资料" in given(e)]
    emergencies = [example for example in nothing if example.behaviour == "emergency"]
    assert len(nothing) > 4 * len(emergencies)


def department_shared(examples: list[Example], kb: KnowledgeBase) -> float:
    """Share of the distractors beside one disease that belong to one of its departments."""
    found = []
    for example in examples:
        if len(example.grounding) == 1 and example.behaviour == "answer" and example.grounding[0].startswith("D"):
            right = set(kb.by_id[example.grounding[0]].attributes["科室"])
            others = sorted(cited(given(example)) - set(example.grounding))
            found += [bool(right & set(kb.by_id[id].attributes.get("科室", ()))) for id in others]
    assert len(found) > 200
    return sum(found) / len(found)


@pytest.mark.slow  # writes the whole dataset once more
def test_similar_entries_are_more_alike_than_those_that_are_ranked_next(
    examples: list[Example], similar: list[Example], kb: KnowledgeBase
) -> None:
    assert department_shared(similar, kb) > department_shared(examples, kb) + 0.1


def test_a_name_that_only_people_use_is_explained_in_the_prompt(examples: list[Example], kb: KnowledgeBase) -> None:
    spoken = [example for example in examples if "~" in example.id and example.behaviour == "answer"]
    assert len(spoken) > 30
    for example in spoken:
        name, (id,) = example.id.rpartition("~")[2], example.grounding
        assert name in example.messages[1].content and kb.by_id[id].name in example.answer
    explained = [normalised(e.id.rpartition("~")[2]) in normalised(given(e)) for e in spoken]
    assert sum(explained) / len(explained) > 0.9  # some are broader words too


def test_what_does_not_say_what_it_is_about_is_asked_back(examples: list[Example], kb: KnowledgeBase) -> None:
    for example in of_kind("ask_back", examples):
        assert example.answer == KNOWLEDGE.phrasebook.ask_back and not kb.find(example.messages[1].content)
        assert abstains(example.answer)


def test_questions_about_two_entities_name_both_and_each_answer_cites_its_own(
    examples: list[Example], kb: KnowledgeBase
) -> None:
    for example in of_kind("two_entities", examples):
        one, other = (kb.by_id[id] for id in example.grounding)
        question = example.messages[1].content
        assert any(f"{a}和{b}" in question for a in one.names for b in other.names)
        first, second, rest = re.split(r"【[A-Z]\d+】", example.answer)
        assert one.name in first and other.name in second and rest == ""
        assert [f"【{id}】" for id in example.grounding] == re.findall(r"【[A-Z]\d+】", example.answer)


def test_of_two_entities_the_one_without_an_answer_is_named(examples: list[Example], kb: KnowledgeBase) -> None:
    for example in of_kind("one_of_two", examples):
        [id] = example.grounding
        _, attribute, _ = example.id.partition("+")[0].split(".")
        (lacking,) = re.findall(f"所给资料没有提到(.+?)的{attribute}", example.answer)
        [line] = [line for line in given(example).splitlines() if f"「{lacking}" in line]
        assert f"；{attribute}：" not in line and lacking != kb.by_id[id].name
        [right] = [line for line in given(example).splitlines() if line.startswith(f"【{id}】")]
        assert f"；{attribute}：" in right and all(
            fact.replace("伴", "") in right.replace("伴", "") for fact in example.facts
        )


def test_after_a_change_of_topic_the_entries_are_those_of_the_last_question(
    examples: list[Example], kb: KnowledgeBase
) -> None:
    for example in of_kind("topic_change", examples):
        assert [turn.role for turn in example.messages] == ["system", "user", "assistant", "user", "assistant"]
        before = example.id.partition(">")[0]
        assert cited(example.messages[2].content) == {before} != set(example.grounding)
        assert not {entry.id for entry in kb.find(example.messages[3].content)} & {before}
        assert set(example.grounding) <= cited(given(example))


def test_emergencies_have_one_answer_whatever_is_given(examples: list[Example], kb: KnowledgeBase) -> None:
    emergencies = of_kind("emergency", examples)
    assert {example.answer for example in emergencies} == {KNOWLEDGE.phrasebook.emergency}
    assert KNOWLEDGE.phrasebook.emergency.startswith("请立即拨打120或前往急诊。")
    with_its_entry = [f"【{example.id.split('.')[0]}】" in given(example) for example in emergencies]
    assert 0 < sum(with_its_entry) < len(emergencies)


def test_invented_names_get_what_the_service_finds_for_them(examples: list[Example]) -> None:
    invented = [example for example in examples if example.id.startswith("invented.")]
    assert sum("没有找到相关资料" in given(example) for example in invented) / len(invented) > 0.5


def test_the_lexicon_is_one_of_the_files_that_the_rows_are_made_of(config: KnowledgeTuningSource) -> None:
    names = [path.name for path in SOURCE.files(config)]
    assert {"diseases.jsonl", "names.jsonl", "broader.jsonl"} <= set(names)


def test_every_row_has_an_id_of_its_own(examples: list[Example]) -> None:
    assert len({example.id for example in examples}) == len(examples)
