"""Documentation matches behaviour: every route documents the schema of every error, and real errors fit it."""

import json
import socket
from typing import Any, get_args

import httpx
import pytest
from jsonschema import Draft202012Validator

from app.access import caller
from app.api.errors import BACKEND_ERRORS, KINDS, NO_OBJECT, ErrorCode
from app.backends import backend
from app.backends.backend import BackendError, Unavailable
from tests.app.fake_engine import FakeEngine
from tests.app.serving import CONFIG, Running

BODY = "#/components/schemas/ErrorBody"
CHAT: dict[str, Any] = {"model": "fake-1", "messages": [{"role": "user", "content": "高血压有哪些症状？"}]}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def api(standing: httpx.Client) -> dict[str, Any]:
    described: dict[str, Any] = standing.get("/openapi.json").json()
    return described


def test_every_error_status_of_every_route_has_its_schema(api: dict[str, Any]) -> None:
    routes = [(path, method, route) for path, of in api["paths"].items() for method, route in of.items()]
    assert {path for path, _, _ in routes} >= {"/v1/qa", "/v1/chat/completions", "/v1/models", "/v1/about", "/readyz"}
    for path, method, route in routes:
        errors = {status: answer for status, answer in route["responses"].items() if not status.startswith("2")}
        assert {"500", "default"} <= set(errors) and "422" not in errors
        for status, answer in errors.items():
            schema = answer["content"]["application/json"]["schema"]["$ref"]
            probe = path in ("/health", "/readyz") and status == "503"
            expected = "#/components/schemas/Readiness" if probe else BODY
            assert schema == expected, (method, path, status)
            assert answer["description"]
            examples = answer["content"]["application/json"].get("examples", {})
            assert all(str(KINDS[code].status) == status for code in examples)
        if "requestBody" in route:
            assert {"400", "413", "503"} <= set(errors)


def test_the_page_and_streams_are_described(api: dict[str, Any]) -> None:
    assert "text/html" in api["paths"]["/"]["get"]["responses"]["200"]["content"]
    for path in ("/v1/qa", "/v1/chat/completions", "/v1/completions", "/generate_stream", "/"):
        described = api["paths"][path]["post"]["responses"]["200"]["content"]
        assert described["text/event-stream"]["itemSchema"]["required"] == ["data"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [("/", "GET, POST"), ("/v1/qa", "POST"), ("/v1/models/x", "GET")],
)
def test_a_wrong_method_is_told_all_that_the_path_has(standing: httpx.Client, path: str, methods: str) -> None:
    refused = standing.request("OPTIONS", path)
    assert (refused.status_code, refused.headers["Allow"]) == (405, methods)


def test_codes_statuses_and_backend_errors_agree() -> None:
    assert set(KINDS) == set(get_args(ErrorCode))
    named = (*vars(backend).values(), *vars(caller).values())
    raised = {kind for kind in named if isinstance(kind, type) and issubclass(kind, BackendError)}
    assert set(BACKEND_ERRORS) == raised - {BackendError, Unavailable}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/v1/qa", b"\xff\xfe{", 400, "bad_request"),
        ("POST", "/v1/qa", {"question": "高血压有哪些症状？" + "长" * 1500}, 400, "context_length_exceeded"),
        ("POST", "/v1/qa", {"question": "长" * 4001}, 400, "context_length_exceeded"),
        ("POST", "/v1/qa", {"question": "长" * 20_000}, 413, "request_too_large"),
        ("POST", "/v1/qa", {}, 400, "invalid_request"),
        ("POST", "/v1/chat/completions", b"\xff\xfe{", 400, "bad_request"),
        ("POST", "/v1/chat/completions", {**CHAT, "n": 2}, 400, "unsupported_parameter"),
        ("POST", "/v1/chat/completions", {**CHAT, "stop": ""}, 400, "invalid_stop"),
        ("POST", "/v1/chat/completions", {**CHAT, "model": "other"}, 404, "model_not_found"),
        ("POST", "/v1/chat/completions", {**CHAT, "user": "u" * 60_000}, 413, "request_too_large"),
        ("POST", "/v1/chat/completions", {**CHAT, "top_p": 0}, 400, "invalid_request"),
        ("GET", "/v1/models/other", None, 404, "model_not_found"),
    ],
)
def test_errors_are_documented_and_fit_their_schema(
    standing: httpx.Client, api: dict[str, Any], method: str, path: str, body: Any, status: int, code: str
) -> None:
    content = body if isinstance(body, bytes | None) else json.dumps(body)
    _check(api, standing.request(method, path, content=content, headers=JSON), status, code)


@pytest.mark.parametrize("body", [b"", b"question", b"[]", b'"a"', b"{"])
def test_a_body_that_is_no_json_object_is_told_plainly(standing: httpx.Client, body: bytes) -> None:
    for path in ("/v1/qa", "/v1/chat/completions"):
        error = standing.post(path, content=body, headers=JSON).json()["error"]
        assert error["code"] == "invalid_request" and error["message"] == NO_OBJECT and error["param"] == "body"


def test_a_form_is_told_that_json_is_expected(standing: httpx.Client) -> None:
    error = standing.post("/v1/qa", data={"question": "你好"}).json()["error"]
    assert error["message"] == NO_OBJECT


@pytest.mark.parametrize(("path", "body"), [("/v1/qa", {"question": "高血压"}), ("/v1/chat/completions", CHAT)])
def test_what_a_backend_raises_is_documented_too(
    running: Running, client: httpx.Client, api: dict[str, Any], engine: FakeEngine, path: str, body: dict[str, Any]
) -> None:
    engine.failure = RuntimeError("boom")
    _check(api, client.post(path, json=body), 500, "generation_failed")
    running.backend.drain()
    stopping = client.post(path, json=body)
    _check(api, stopping, 503, "stopping")
    assert stopping.headers["Retry-After"] == "5"


def _check(api: dict[str, Any], response: httpx.Response, status: int, code: str) -> None:
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    path = response.request.url.path.replace("/v1/models/other", "/v1/models/{name}")
    answer = api["paths"][path][response.request.method.lower()]["responses"][str(status)]
    described = answer["content"]["application/json"]
    assert code in described["examples"]
    schema = {**described["schema"], "components": api["components"]}
    Draft202012Validator(schema).validate(response.json())
    for example in described["examples"].values():
        Draft202012Validator(schema).validate(example["value"])


def test_a_body_at_the_limit_is_read(client: httpx.Client) -> None:
    frame = len(json.dumps({**CHAT, "user": ""}, ensure_ascii=False).encode())
    for length, status in ((CONFIG.max_body_bytes - frame, 200), (CONFIG.max_body_bytes - frame + 1, 413)):
        body = json.dumps({**CHAT, "user": "u" * length}, ensure_ascii=False)
        assert client.post("/v1/chat/completions", content=body, headers=JSON).status_code == status


def test_a_declared_length_over_the_limit_is_refused_before_the_body_comes(running: Running) -> None:
    answer = _raw(running, b"Content-Length: 1000000000\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413") and b'"request_too_large"' in answer


def test_an_endless_body_in_chunks_is_stopped(running: Running, engine: FakeEngine) -> None:
    chunk = b"%x\r\n%s\r\n" % (8192, b" " * 8192)
    answer = _raw(
        running, b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 7
    )  # more would follow, but the server does not wait for it
    assert answer.startswith(b"HTTP/1.1 413") and b'"request_too_large"' in answer
    assert engine.batches == []


def _raw(running: Running, rest: bytes) -> bytes:
    """Sends a request that never ends, and reads until the service closes the connection."""
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(b"POST /v1/qa HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n" + rest)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received
