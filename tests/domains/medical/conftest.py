import pytest

from domains.knowledge_base import KnowledgeBase
from domains.medical.triager import MedicalTriager


@pytest.fixture(scope="session")
def triager(knowledge: KnowledgeBase) -> MedicalTriager:
    return MedicalTriager(knowledge)
