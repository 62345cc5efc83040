"""A real server on a free port, in a thread of the test process."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn.server

from app.backends.local import LocalBackend
from app.config import AccessConfig, AudienceConfig, ServeConfig
from app.served import verified_as
from app.server import Server
from app.service import INTERNAL, create_app
from app.versions.version import ServedModel
from app.versions.versions import ModelSource
from domains.domain import NO_KNOWLEDGE, Policy, find_domain
from domains.knowledge_base import KnowledgeBase
from models.artifact import NO_ENTRIES, GroundingRecord
from models.engines.engine import Engine


class _Impatient:
    """asyncio, for a server that looks ten times as often whether it may stop: that is most of the time of a test."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 10)


uvicorn.server.asyncio = _Impatient()  # type: ignore[attr-defined, assignment]

CONFIG = ServeConfig(
    max_batch=1,
    queue_limit=3,
    max_new_tokens=64,
    max_body_bytes=50_000,
    content_producer="测试机构",
    raw_model=True,
)


class Running:
    """A server under test.

    Attributes:
        url: Where it answers.
    """

    def __init__(self, server: Server, backend: LocalBackend) -> None:
        self.server, self.backend = server, backend
        self.thread = threading.Thread(target=server.run)

    @property
    def url(self) -> str:
        host, port = self.server.servers[0].sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    def client(self) -> httpx.Client:
        # nothing is encrypted here, and reading the certificates of the world takes longer than most tests
        return httpx.Client(base_url=self.url, timeout=20, verify=False)

    def wait_for(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        """Waits until a condition holds; fails the test if it never does."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it never happened"
            time.sleep(0.03)  # what is waited for runs in this process, too


@contextmanager
def serving(
    engine: Engine,
    domain: str,
    knowledge: KnowledgeBase = NO_KNOWLEDGE,
    config: ServeConfig = CONFIG,
    grounding: GroundingRecord = NO_ENTRIES,
    verify: Policy | None = None,
    audience: AudienceConfig = INTERNAL,
    access: AccessConfig | None = None,
    source: ModelSource | None = None,
) -> Iterator[Running]:
    """Serves an engine as a domain until the block ends."""
    backend = LocalBackend(engine, config)
    served = verified_as(find_domain(domain), verify)
    model = ServedModel(backend, served, knowledge, grounding)
    server = Server(create_app(model, config, audience, access, source))
    running = Running(server, backend)
    running.thread.start()
    try:
        running.wait_for(lambda: server.started and backend.has_generated)
        yield running
    finally:
        server.should_exit = True
        running.thread.join(20)
