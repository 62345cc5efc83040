"""An emergency is answered at once by rule, whatever else fails, by every API and as a stream."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest

from app.backends.backend import Backend
from app.backends.missing import MissingModel
from app.config import AppConfig
from app.server import Server, serve
from app.service import create_app
from app.start import checked
from app.versions.version import ServedModel
from domains.domain import find_domain
from domains.knowledge_base import KnowledgeBase
from tests.app.fake_engine import FakeEngine
from tests.app.serving import CONFIG, Running

ALARM = "我爸突然胸痛，出了一身冷汗"
SEEK_CARE = "请立即拨打120或前往急诊"


def forms(question: str, model: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for stream in (False, True):
        yield "/v1/qa", {"question": question, "stream": stream}
        message = {"role": "user", "content": question}
        yield "/v1/chat/completions", {"model": model, "messages": [message], "stream": stream}


def text_of(path: str, body: dict[str, Any], response: httpx.Response) -> str:
    """What the reader gets to read."""
    assert response.status_code == 200, response.text
    if not body["stream"]:
        answer = response.json()
        return str(answer["answer"] if path == "/v1/qa" else answer["choices"][0]["message"]["content"])
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: {")]
    events = [json.loads(line) for line in lines]
    if path == "/v1/qa":
        return "".join(event.get("text", "") for event in events)
    return "".join(choice["delta"].get("content", "") for event in events for choice in event["choices"])


def test_advice_for_one_danger_alone_is_in_the_text_that_is_read_once(client: httpx.Client) -> None:
    for question, told in (("我不想活了", "12356"), ("洁厕灵溅到眼睛里了，疼得睁不开", "清水持续冲洗眼睛")):
        for path, body in forms(question, "fake-1"):
            text = text_of(path, body, client.post(path, json=body))
            assert text.count(told) == 1 and "120" in text, (path, body["stream"], text)


def assert_answered(client: httpx.Client, question: str = ALARM) -> None:
    for path, body in forms(question, "fake-1"):
        assert text_of(path, body, client.post(path, json=body)).startswith(SEEK_CARE), (path, body["stream"])


def test_it_waits_for_no_queue_and_no_model(running: Running, client: httpx.Client, engine: FakeEngine) -> None:
    assert_answered(client, "我最近睡得还行，吃饭也香。" * 350 + ALARM)
    engine.gate.clear()
    ordinary = {"question": "高血压有哪些症状？"}
    post = partial(httpx.post, f"{running.url}/v1/qa", json=ordinary)
    with ThreadPoolExecutor(4) as pool:
        pool.submit(post)
        running.wait_for(lambda: len(engine.batches) == 1)
        for _ in range(CONFIG.queue_limit):
            pool.submit(post)
        running.wait_for(lambda: len(running.backend._waiting) == CONFIG.queue_limit)
        try:
            assert client.post("/v1/qa", json=ordinary).json()["error"]["code"] == "overloaded"
            assert_answered(client)
            running.backend.drain()
            assert client.post("/v1/qa", json=ordinary).json()["error"]["code"] == "stopping"
            assert_answered(client)
        finally:
            engine.gate.set()


def test_it_needs_no_model_at_all(knowledge: KnowledgeBase) -> None:
    app = create_app(ServedModel(MissingModel("lost-1"), find_domain("medical"), knowledge), CONFIG)

    async def ask() -> tuple[list[str], httpx.Response, httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            said = [text_of(path, body, await client.post(path, json=body)) for path, body in forms(ALARM, "lost-1")]
            return (
                said,
                await client.post("/v1/qa", json={"question": "高血压有哪些症状？"}),
                await client.get("/readyz"),
            )

    said, ordinary, ready = asyncio.run(ask())
    assert all(text.startswith(SEEK_CARE) for text in said)
    assert (ordinary.status_code, ordinary.json()["error"]["code"]) == (503, "model_unavailable")
    assert (ready.status_code, ready.json()) == (503, {"status": "failed"})


def test_a_model_that_does_not_load_leaves_the_rules(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, logged: list[str]
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise MemoryError("CUDA out of memory")

    backends: list[Backend] = []
    monkeypatch.setattr("app.versions.loading.open_engine", full)
    monkeypatch.setattr(Server, "run", lambda server, sockets: backends.append(server.versions.current.backend))
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    config = AppConfig(model=str(tmp_path), domain="medical", port=0)
    serve(config, checked(config))
    assert isinstance(backends[0], MissingModel)
    assert "could not be loaded: MemoryError: CUDA out of memory" in "".join(logged)
