"""A hospital's documents are under the rules of medicine and are quoted all the same."""

import asyncio
from pathlib import Path

import pytest

from app.pipeline.consultation import Consultation, Decided
from app.pipeline.guards import DeclineStage
from domains.domain import find_domain
from domains.knowledge_base import KnowledgeBase
from domains.retrieval.retriever import retriever_of


def knowledge() -> KnowledgeBase:
    found = find_domain("hospital").knowledge
    assert found is not None
    return found.load()


def test_an_emergency_comes_before_the_documents() -> None:
    triager = find_domain("hospital").triager(knowledge())
    assert triager.triage("我爸突然胸痛，出了一身冷汗，怎么办？").level == "emergency"
    assert triager.triage("探视时间是几点？").level == "routine"


def test_a_prescription_is_declined() -> None:
    assert any(decline.asked("给我开个处方") for decline in find_domain("hospital").declines)


LEAFLET = (
    "演示胶囊说明书\n【适应症】用于演示。\n【用法用量】每次一粒，饭后服用。\n【禁忌】孕妇禁用。\n【贮藏】密封保存。\n"
)


@pytest.mark.parametrize(
    ("question", "declined"),
    [
        ("演示胶囊怎么吃？", False),
        ("请问演示胶囊的用法用量是什么？", False),
        ("给我开两盒演示胶囊", True),
        ("演示胶囊怎么吃？给我开一盒", True),
        ("演示胶囊一次吃几片？", True),
    ],
)
def test_what_a_leaflet_says_is_no_request_to_prescribe(question: str, declined: bool, tmp_path: Path) -> None:
    (tmp_path / "演示.txt").write_text(LEAFLET, encoding="utf-8")
    hospital = find_domain("hospital")
    assert hospital.knowledge is not None
    found = retriever_of(hospital.knowledge.load(tmp_path)).retrieve(question, [])
    stage = DeclineStage(hospital.declines, hospital.asked_for)
    decided = asyncio.run(stage(Consultation("r", question, retrieved=found)))
    assert isinstance(decided, Decided) == declined
    if not declined:
        assert found.topic[0].entry.name == "演示胶囊说明书 > 用法用量"


def test_documents_alone_have_no_rules() -> None:
    documents = find_domain("documents")
    assert documents.triager(knowledge()).triage("我爸突然胸痛，出了一身冷汗，怎么办？").level == "routine"
    assert not documents.declines and find_domain("hospital").knowledge is documents.knowledge
