"""Connections that send nothing, too little, too slowly or too much: none of them keeps others from the service."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import h11
import httpx
import pytest

from app import connections
from tests.app.serving import CONFIG, Running

HEAD = b"POST /v1/qa HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"


@pytest.fixture
def crowd() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def connected(running: Running, crowd: ExitStack, sent: bytes = b"") -> socket.socket:
    host, port = running.url.removeprefix("http://").split(":")
    connection = crowd.enter_context(socket.create_connection((host, int(port)), timeout=20))
    connection.sendall(sent)
    return connection


def received(connection: socket.socket) -> bytes:
    """All that comes until the service closes the connection."""
    said = b""
    try:
        while piece := connection.recv(65536):
            said += piece
    except ConnectionResetError:
        pass
    return said


def error(answer: bytes) -> tuple[bytes, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0], json.loads(body)["error"]["code"]


@pytest.mark.parametrize(
    "sent", [HEAD[:30], HEAD + b"Content-Length: 50\r\n\r\n{", HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"]
)
def test_a_request_that_does_not_arrive_is_told_so(
    standing_server: Running, crowd: ExitStack, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(connections, "WITHIN", {h11.IDLE: 0.1, h11.SEND_BODY: 0.1})
    status, code = error(received(connected(standing_server, crowd, sent)))
    assert status.startswith(b"HTTP/1.1 408") and code == "request_timeout"


def test_a_byte_now_and_then_does_not_keep_a_connection(
    standing_server: Running, crowd: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "WITHIN", {h11.IDLE: 0.3, h11.SEND_BODY: 0.3})
    connection, started = connected(standing_server, crowd), time.monotonic()
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        for byte in HEAD * 10:
            connection.sendall(bytes([byte]))
            time.sleep(0.02)
    assert time.monotonic() - started < 5


def test_who_sends_nothing_is_closed_without_a_word(
    standing_server: Running, crowd: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "WITHIN", {h11.IDLE: 0.1, h11.SEND_BODY: 0.1})
    assert received(connected(standing_server, crowd)) == b""


def test_what_is_no_http_gets_the_same_error_shape(standing_server: Running, crowd: ExitStack) -> None:
    status, code = error(received(connected(standing_server, crowd, b"\x16\x03\x01\x02\x00 hello\r\n\r\n")))
    assert status.startswith(b"HTTP/1.1 400") and code == "bad_request"


def test_a_long_answer_has_all_the_time_it_needs(
    running: Running, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "WITHIN", {h11.IDLE: 0.1, h11.SEND_BODY: 0.1})
    engine = running.backend.engine
    engine.gate.clear()  # type: ignore[attr-defined]
    with client.stream("POST", "/v1/qa", json={"question": "高血压有哪些症状？", "stream": True}) as response:
        time.sleep(0.3)
        engine.gate.set()  # type: ignore[attr-defined]
        assert "event: done" in response.read().decode()


def test_who_waits_longest_makes_room_for_who_comes(
    running: Running, crowd: ExitStack, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "most_connections", lambda: 5)
    first, *others = [connected(running, crowd, HEAD[:10]) for _ in range(5)]
    running.wait_for(lambda: len(running.server.server_state.connections) == 5)
    assert client.get("/livez").status_code == 200
    status, code = error(received(first))
    assert status.startswith(b"HTTP/1.1 503") and code == "too_many_connections"
    others[0].sendall(HEAD[10:] + b"Content-Length: 2\r\n\r\n{}")
    assert others[0].recv(12) == b"HTTP/1.1 400"


def test_a_connection_between_two_requests_makes_room_without_a_word(
    running: Running, crowd: ExitStack, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error there would be read as the answer to the next request."""
    monkeypatch.setattr(connections, "most_connections", lambda: 1)
    kept = connected(running, crowd, b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n")
    answer = b""
    while not answer.endswith(b"}"):
        answer += kept.recv(65536)
    assert client.get("/livez").status_code == 200
    assert received(kept) == b""


def test_room_is_left_for_files(monkeypatch: pytest.MonkeyPatch) -> None:
    for soft, most in ((1024, 864), (20_000, 2048), (100, 1), (-1, 2048)):
        monkeypatch.setattr(connections.resource, "getrlimit", lambda _, soft=soft: (soft, soft))
        assert connections.most_connections() == most


def test_a_huge_body_is_refused_without_being_read(standing_server: Running, standing: httpx.Client) -> None:
    read = 0

    def body() -> Iterator[bytes]:
        nonlocal read
        for _ in range(800):
            read += 65536
            yield b" " * 65536

    for headers in ({"Content-Length": str(800 * 65536)}, {}):
        read = 0
        response = standing.post("/v1/qa", content=body(), headers={"Content-Type": "application/json"} | headers)
        assert (response.status_code, response.json()["error"]["code"]) == (413, "request_too_large")
        assert read < 20 * 2**20


@pytest.mark.slow
def test_a_crowd_leaves_the_probe_quick(standing_server: Running, crowd: ExitStack) -> None:
    """1,100 idle connections and 600 half requests, then 160 clients at once."""
    for _ in range(1100):
        connected(standing_server, crowd)
    for _ in range(600):
        connected(standing_server, crowd, HEAD + b"Content-Length: %d\r\n\r\n{" % CONFIG.max_body_bytes)
    seconds = []
    for _ in range(50):
        with standing_server.client() as client:
            started = time.monotonic()
            assert client.get("/livez").status_code == 200
            seconds.append(time.monotonic() - started)
    assert sorted(seconds)[45] < 0.2, f"nine of ten within {sorted(seconds)[45]:.3f} s"
