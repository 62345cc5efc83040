"""The second knowledge domain: its own entries, its own dataset, its own notices, and nothing of medicine."""

import re
from itertools import chain

import pytest

from common.command import read_config
from data_recipes.config import BuildConfig
from data_recipes.pipeline.build import BuiltDataset, build_or_reuse, load
from data_recipes.schema.manifest import KnowledgeUsed
from domains.citations import quote
from domains.domain import find_domain
from domains.instruments.knowledge_base import KNOWLEDGE
from domains.knowledge_base import KnowledgeBase

DOMAIN = find_domain("instruments")
MEDICAL = re.compile("医生|医院|就医|就诊|急诊|120|用药|处方|患者|病人|科室|知识库.*疾病")


@pytest.fixture(scope="module")
def instruments() -> KnowledgeBase:
    return KNOWLEDGE.load()


@pytest.fixture(scope="module")
def dataset() -> BuiltDataset:
    [config] = read_config("build", ["data=instruments", "out=unused"], BuildConfig)
    return load(build_or_reuse(config.data, config.source))


def test_there_are_forty_entries_that_refer_to_each_other(instruments: KnowledgeBase) -> None:
    assert len(instruments.entries) == 40
    for fault in instruments.of_type("fault"):
        for name in fault.attributes["涉及仪器"]:
            assert fault.name in instruments.by_name("instrument", name).attributes["常见故障"] or fault.id == "F020"


def test_every_split_has_what_it_promises(dataset: BuiltDataset) -> None:
    assert set(dataset.splits) == {"train", "dev", "heldout_phrasing", "unseen_entity", "safety"}
    assert all(example.behaviour == "refuse" for example in dataset.splits["safety"])
    trained = {id for example in dataset.splits["train"] for id in example.grounding}
    assert trained.isdisjoint(id for example in dataset.splits["unseen_entity"] for id in example.grounding)
    assert all((found.exact, found.ngram) == (0, 0) for found in dataset.manifest.overlap.values())


def test_the_manifest_says_whose_knowledge_it_is(dataset: BuiltDataset, instruments: KnowledgeBase) -> None:
    assert dataset.manifest.knowledge == KnowledgeUsed(domain="instruments", sha256=instruments.sha256)
    assert "仪器" in dataset.manifest.about.zh and "仪器和故障" in dataset.manifest.descriptions["unseen_entity"].zh


def test_nothing_is_said_about_doctors(dataset: BuiltDataset) -> None:
    for example in chain.from_iterable(dataset.splits.values()):
        assert not MEDICAL.search(example.answer), example.answer
    assert not MEDICAL.search(str(DOMAIN.notices.model_dump()))
    assert not MEDICAL.search(str(DOMAIN.triager(KNOWLEDGE.load()).levels))
    assert not any(MEDICAL.search(paragraph) for paragraph in DOMAIN.prose())


@pytest.mark.parametrize(
    ("question", "id", "attribute"),
    [
        ("电子天平平时怎么保养？", "A001", "日常维护"),
        ("离心机振动过大怎么处理？", "F002", "处理步骤"),
        ("ph计怎么校准？", "A003", "校准"),
    ],
)
def test_questions_are_answered_from_its_own_entries(
    question: str, id: str, attribute: str, instruments: KnowledgeBase
) -> None:
    [quotation] = quote(question, instruments.find(question), instruments.version, DOMAIN.asked_for)
    assert (quotation.id, quotation.attribute) == (id, attribute)
