"""A hospital's documents are under the rules of medicine and are quoted all the same."""

from domains.domain import find_domain
from domains.knowledge_base import KnowledgeBase


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


def test_documents_alone_have_no_rules() -> None:
    documents = find_domain("documents")
    assert documents.triager(knowledge()).triage("我爸突然胸痛，出了一身冷汗，怎么办？").level == "routine"
    assert not documents.declines and find_domain("hospital").knowledge is documents.knowledge
