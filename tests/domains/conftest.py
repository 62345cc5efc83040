import pytest

from domains.knowledge_base import KnowledgeBase
from domains.medical.knowledge_base import KNOWLEDGE


@pytest.fixture(scope="session")
def knowledge() -> KnowledgeBase:
    return KNOWLEDGE.load()
