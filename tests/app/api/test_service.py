"""What holds for every path: error shape, request ids, health, logs without text, the page's security policy."""

import asyncio
import base64
import gzip
import hashlib
import re
from typing import Any

import httpx
import pytest
from loguru import logger

from app.backends.local import LocalBackend
from app.service import create_app
from app.versions.version import ServedModel
from domains.domain import NO_KNOWLEDGE, find_domain
from tests.app.fake_engine import FakeEngine
from tests.app.serving import CONFIG


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/no/such/path", None, 404),
        ("GET", "/v1/qa", None, 405),
        ("POST", "/v1/qa", "坏的 JSON", 400),
        ("POST", "/v1/chat/completions", '{"model": 1}', 400),
        ("GET", "/v1/models/another", None, 404),
    ],
)
def test_errors_have_the_openai_shape_everywhere(
    standing: httpx.Client, method: str, path: str, body: str | None, status: int
) -> None:
    response = standing.request(method, path, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == status
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}
    assert "坏的" not in response.text


@pytest.mark.parametrize("path", ["/livez", "/health", "/v1/models", "/v1/models/fake-1/", "/", "/v1/about/"])
def test_head_and_a_slash_at_the_end_are_answered_as_get(standing: httpx.Client, path: str) -> None:
    whole, head = standing.get(path), standing.head(path)
    assert whole.status_code == head.status_code == 200 and head.content == b""
    assert head.headers["Content-Type"] == whole.headers["Content-Type"]


def test_a_slash_at_the_end_of_a_question_costs_no_redirect(client: httpx.Client) -> None:
    assert client.post("/v1/qa/", json={"question": "高血压是什么？"}).status_code == 200
    assert client.head("/v1/qa").status_code == 405


@pytest.mark.parametrize(
    ("headers", "body", "hint"),
    [
        ({"Content-Type": "application/json"}, '{"question": "高血压"}'.encode("gbk"), "UTF-8"),
        (
            {"Content-Type": "application/json", "Content-Encoding": "gzip"},
            gzip.compress(b'{"question": "?"}', mtime=0),
            "Content-Encoding",
        ),
        ({"Content-Type": "text/plain"}, b'{"question": "?"}', "Content-Type"),
        ({}, b'{"question": "?"}', "Content-Type"),
        ({"Content-Type": "application/json"}, rb'{"question": "\ud83d"}', "lone surrogate"),
        ({"Content-Type": "application/json"}, rb'{"question": "?", "\ud83d": 1}', "lone surrogate"),
        ({"Content-Type": "application/json"}, b'{"question": "?", "%s": 1}' % (b"k" * 9000), "Extra inputs"),
    ],
)
def test_bodies_that_cannot_be_read_are_told_why(
    standing: httpx.Client, headers: dict[str, str], body: bytes, hint: str
) -> None:
    response = standing.post("/v1/qa", content=body, headers=headers)
    error = response.json()["error"]
    assert response.status_code == 400 and hint in error["message"]
    assert len(error["message"]) + len(error["param"] or "") < 700


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", rb'{"model": "fake-1-raw", "messages": [{"role": "user", "content": "\ud83d"}]}'),
        ("/v1/chat/completions", rb'{"model": "fake-1", "messages": [{"role": "system", "content": "\uDC00"}]}'),
        ("/v1/completions", rb'{"model": "fake-1-raw", "prompt": "\ud83d"}'),
        ("/v1/responses", rb'{"model": "fake-1", "input": "\ud83d"}'),
        ("/tokenize", rb'{"model": "fake-1-raw", "prompt": "\ud83d"}'),
        ("/generate", rb'{"inputs": "\ud83d"}'),
    ],
)
def test_half_a_character_is_refused_everywhere(standing: httpx.Client, path: str, body: bytes) -> None:
    json_body = {"Content-Type": "application/json"}
    response = standing.post(path, content=body, headers=json_body)
    assert response.status_code == 400 and "lone surrogate" in response.json()["error"]["message"]
    whole = body.replace(rb"\ud83d", rb"\ud83d\ude00").replace(rb"\uDC00", rb"\ud83d\ude00")
    assert "lone surrogate" not in standing.post(path, content=whole, headers=json_body).text


@pytest.mark.parametrize(
    ("path", "body", "chinese", "english"),
    [
        (
            "/v1/qa",
            {"qustion": "高血压"},
            "question 缺少这一项；qustion 没有这一项，请删去",
            "question: Field required",
        ),
        ("/v1/qa", {"question": " "}, "question 不能只有空白", "question: "),
        ("/v1/qa", {"question": 3}, "question 须为文本", "question: "),
        ("/v1/qa", {"question": "?", "max_tokens": 0}, "max_tokens 须不小于 1", "max_tokens: "),
        ("/v1/qa", {"question": "?", "stream": "是"}, "stream 须为 true 或 false", "stream: "),
        ("/v1/qa", {"question": "?", "history": "你好"}, "history 须为数组", "history: "),
        (
            "/v1/qa",
            {"question": "?", "history": [{"role": "ai", "content": "你好"}]},
            "history.0.role 须为 'user' or 'assistant'",
            "history.0.role: ",
        ),
        (
            "/v1/qa",
            {"question": "?", "history": [{"role": "user", "content": "你好"}]},
            "须为 user、assistant 轮流，以 assistant 结尾",
            "history must alternate",
        ),
        (
            "/v1/chat/completions",
            {"model": "fake-1", "messages": [{"role": "user", "content": "?"}], "n": 2},
            "不支持参数 n",
            "n",
        ),
    ],
)
def test_a_wrong_field_is_named_with_the_reason_in_chinese_and_english(
    standing: httpx.Client, path: str, body: dict[str, Any], chinese: str, english: str
) -> None:
    response = standing.post(path, json=body)
    said = response.json()["error"]["message"]
    assert response.status_code == 400, said
    zh, _, en = said.partition(" · ")
    assert chinese in zh and english in en and "Value error" not in said


def test_a_fault_in_the_service_is_a_500_of_the_same_shape(client: httpx.Client, engine: FakeEngine) -> None:
    def broken(conversation: Any) -> int:
        raise ValueError("高血压三天")

    engine.count_prompt_tokens = broken  # type: ignore[method-assign]
    response = client.post("/v1/qa", json={"question": "高血压三天"})
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal_error"
    assert "高血压" not in response.text
    assert response.headers["X-Request-Id"]


def test_request_ids_are_echoed_or_made(client: httpx.Client) -> None:
    assert client.get("/livez", headers={"X-Request-Id": "abc-1.2_3"}).headers["X-Request-Id"] == "abc-1.2_3"
    made = [client.get("/livez").headers["X-Request-Id"] for _ in range(2)]
    assert made[0] != made[1] and all(re.fullmatch("[0-9a-f]{32}", one) for one in made)
    smuggled = client.get("/livez", headers={"X-Request-Id": "name: Zhang San"})
    assert smuggled.headers["X-Request-Id"] != "name: Zhang San"
    answer = client.post("/v1/qa", json={"question": "高血压是什么？"}, headers={"X-Request-Id": "mine"}).json()
    assert answer["request_id"] == "mine"
    assert client.get("/none", headers={"X-Request-Id": "mine"}).headers["X-Request-Id"] == "mine"


def test_not_ready_before_the_first_token() -> None:
    backend = LocalBackend(FakeEngine(), CONFIG)
    transport = httpx.ASGITransport(create_app(ServedModel(backend, find_domain("general"), NO_KNOWLEDGE), CONFIG))

    async def get(path: str) -> int:
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return (await client.get(path)).status_code

    assert asyncio.run(get("/livez")) == 200
    assert asyncio.run(get("/readyz")) == 503
    backend.has_generated = True
    assert asyncio.run(get("/readyz")) == 200
    backend.drain()
    assert asyncio.run(get("/readyz")) == 503


def test_logs_never_hold_questions_answers_or_paths(client: httpx.Client, engine: FakeEngine) -> None:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), level=0, diagnose=False)
    try:
        client.post("/v1/qa", json={"question": "高血压三天了"})
        client.post("/v1/qa", json={"question": "高血压三天了", "stream": True})
        client.post("/v1/qa", json={"question": ["高血压三天了"]})
        client.get("/高血压三天了", params={"q": "高血压三天了"})
        engine.failure = RuntimeError("高血压三天了")
        client.post("/v1/qa", json={"question": "高血压三天了"})
        engine.failure = None
    finally:
        logger.remove(sink)
    text = "".join(lines)
    assert "POST /v1/qa 200" in text and "POST /v1/qa 400" in text and "RuntimeError" in text
    assert "高血压" not in text and "%E9%AB%98" not in text and "头痛" not in text


def test_the_page_satisfies_its_own_security_policy(client: httpx.Client) -> None:
    response = client.get("/")
    policy, page = response.headers["Content-Security-Policy"], response.text
    assert response.status_code == 200
    assert "default-src 'none'" in policy and "unsafe" not in policy
    for element in ("style", "script"):
        [content] = re.findall(f"<{element}>(.*?)</{element}>", page, re.DOTALL)
        assert base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() in policy
    assert not re.search(r"""\s(style|on\w+)=["']""", page)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", page)
    outside = [url for url in re.findall(r"https?://[^\s\"')]+", page) if not url.startswith("http://www.w3.org/")]
    assert not outside


def test_the_api_is_described_without_pages_from_outside(client: httpx.Client) -> None:
    assert "/v1/qa" in client.get("/openapi.json").json()["paths"]
    assert client.get("/docs").status_code == 404
