"""Where somebody may harm himself a person is called: with retries, without text, and without delaying the answer."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from pydantic import AnyHttpUrl

from app.backends.missing import MissingModel
from app.compliance.handover import Handover
from app.config import AudienceConfig, HandoverConfig
from app.pipeline.consultation import Consultation
from app.service import create_app
from app.versions.version import ServedModel
from domains.domain import find_domain
from domains.knowledge_base import KnowledgeBase
from domains.safety_rules import Triage
from tests.app.serving import CONFIG

CRISIS = "我不想活了"


class Webhook(ThreadingHTTPServer):
    """Answers with these statuses in turn, then 200; holds every answer while it is told to."""

    def __init__(self, *statuses: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses, self.calls = list(statuses), list[dict[str, Any]]()
        self.answers = threading.Event()
        self.answers.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?token=secret"


class _Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.answers.wait(5)
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if status == 200:
            self.server.calls.append(json.loads(body))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def do_GET(self) -> None:
        raise AssertionError("a redirect must not be followed")

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def webhook(*statuses: int) -> Iterator[Webhook]:
    server = Webhook(*statuses)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.answers.set()
        server.shutdown()
        server.server_close()


def consultation() -> Consultation:
    triage = Triage(level="emergency", reasons=["自杀或自伤的想法或行为"], advice="…12356…")
    return Consultation("r-1", CRISIS, triage=triage)


@pytest.mark.parametrize("status", [500, 302])
def test_a_call_is_tried_again_and_has_no_text(status: int, logged: list[str]) -> None:
    with webhook(status) as hook:
        handover = Handover(hook.url, HandoverConfig())
        handover.call(consultation())
        handover.close()
        [call] = hook.calls
    assert (call["event"], call["request_id"], call["turn"]) == ("self_harm", "r-1", 1)
    assert call["reasons"] == ["自杀或自伤的想法或行为"] and "text" not in call
    [failed] = [line for line in logged if "not delivered" in line]
    assert f"127.0.0.1 answers {status}" in failed
    assert not [line for line in logged if "secret" in line or CRISIS in line]


def test_the_text_is_sent_only_where_that_is_configured() -> None:
    with webhook() as hook:
        handover = Handover(hook.url, HandoverConfig(with_text=True))
        handover.call(consultation())
        handover.close()
        assert hook.calls[0]["text"] == [CRISIS]


def test_nobody_listening_is_logged_and_given_up(logged: list[str]) -> None:
    with webhook() as hook:
        url = hook.url
    handover = Handover(url, HandoverConfig(attempts=2))
    handover.call(consultation())
    handover.close()
    assert len([line for line in logged if "not delivered: 127.0.0.1: " in line]) == 2


def test_the_answer_waits_for_no_webhook_and_names_whom_to_reach(knowledge: KnowledgeBase) -> None:
    with webhook() as hook:
        hook.answers.clear()
        config = AudienceConfig(
            handover=HandoverConfig(webhook=AnyHttpUrl(hook.url), contact="本院心理热线：010-00000000。")
        )
        app = create_app(ServedModel(MissingModel("m"), find_domain("medical"), knowledge), CONFIG, audience=config)

        async def ask(question: str) -> dict[str, Any]:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
                answer: dict[str, Any] = (await client.post("/v1/qa", json={"question": question})).json()
                return answer

        started = time.monotonic()
        crisis, other = asyncio.run(ask(CRISIS)), asyncio.run(ask("我爸突然胸痛，出了一身冷汗"))
        assert time.monotonic() - started < 4  # the webhook holds its answer for five seconds
        assert (
            crisis["triage"]["advice"].endswith("本院心理热线：010-00000000。")
            and "12356" in crisis["triage"]["advice"]
        )
        assert "本院" not in other["triage"]["advice"]
        hook.answers.set()
        for _ in range(200):
            if hook.calls:
                break
            time.sleep(0.02)
        assert [call["request_id"] for call in hook.calls] == [crisis["request_id"]]
