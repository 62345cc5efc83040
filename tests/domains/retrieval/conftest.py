import pytest

from domains.knowledge_base import KnowledgeBase
from domains.retrieval.retriever import Retriever


@pytest.fixture(scope="session")
def retriever(knowledge: KnowledgeBase) -> Retriever:
    return Retriever(knowledge)
