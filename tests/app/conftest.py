from collections.abc import Iterator

import httpx
import pytest
from loguru import logger

from domains.knowledge_base import KnowledgeBase
from domains.medical.knowledge_base import KNOWLEDGE
from tests.app.fake_engine import FakeEngine
from tests.app.serving import Running, serving


@pytest.fixture(scope="session")
def knowledge() -> KnowledgeBase:
    return KNOWLEDGE.load()


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def running(engine: FakeEngine, knowledge: KnowledgeBase) -> Iterator[Running]:
    with serving(engine, "medical", knowledge) as server:
        engine.batches.clear()  # the warm-up
        yield server
        engine.gate.set()


@pytest.fixture
def client(running: Running) -> Iterator[httpx.Client]:
    with running.client() as client:
        yield client


@pytest.fixture(scope="session")
def standing_server(knowledge: KnowledgeBase) -> Iterator[Running]:
    """One server for all tests whose requests are refused or leave nothing behind."""
    with serving(FakeEngine(), "medical", knowledge) as server:
        yield server


@pytest.fixture(scope="session")
def standing(standing_server: Running) -> Iterator[httpx.Client]:
    """A client of that server."""
    with standing_server.client() as client:
        yield client


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """What is logged meanwhile."""
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), level=0, diagnose=False)
    yield lines
    logger.remove(sink)
