"""The queue: limits, cancellation, failures, and a responsive event loop meanwhile."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest

from app.backends.backend import ChatTurn
from app.backends.local import LocalBackend
from models.engines.engine import Completion, Sampling
from tests.app.fake_engine import ANSWER, FakeEngine
from tests.app.serving import CONFIG, Running, serving


def ask(running: Running, **body: Any) -> httpx.Response:
    message = {"role": "user", "content": body.pop("question", "高血压有哪些症状？")}
    with running.client() as client:
        return client.post("/v1/chat/completions", json={"model": "fake-1-raw", "messages": [message], **body})


def in_background(running: Running, count: int, **body: Any) -> tuple[ThreadPoolExecutor, list[Any]]:
    pool = ThreadPoolExecutor(count)
    return pool, [pool.submit(ask, running, **body) for _ in range(count)]


def hold(engine: FakeEngine, running: Running) -> threading.Thread:
    """Keeps the engine busy with one request, so that further ones have to wait."""
    engine.gate.clear()
    thread = threading.Thread(target=ask, args=(running,))
    thread.start()
    running.wait_for(lambda: len(engine.batches) == 1)
    return thread


def test_every_request_reaches_the_engine_at_once_with_its_own_sampling() -> None:
    engine = FakeEngine()
    settings: list[dict[str, Any]] = [{"temperature": 0}, {"temperature": 0.7, "seed": 1}, {"frequency_penalty": 0.5}]
    with serving(engine, "general", config=CONFIG.model_copy(update={"max_batch": 3})) as running:
        engine.batches.clear()  # the warm-up
        engine.gate.clear()
        with ThreadPoolExecutor(4) as pool:
            answers = [pool.submit(ask, running, **setting) for setting in settings]
            running.wait_for(lambda: len(engine.batches) == 3)
            answers.append(pool.submit(ask, running))
            running.wait_for(lambda: len(running.backend._waiting) == 1)
            engine.gate.set()
            texts = [answer.result().json()["choices"][0]["message"]["content"] for answer in answers]
        running.wait_for(lambda: not running.backend.busy)
    assert texts == [ANSWER] * 4 and [len(batch) for batch in engine.batches] == [1] * 4
    found = {(s.temperature, s.seed, s.frequency_penalty) for ((_, s),) in engine.batches[:3]}
    assert found == {(0, None, 0), (0.7, 1, 0), (0, None, 0.5)}


def test_a_full_queue_answers_503_and_says_when_to_come_back(engine: FakeEngine, running: Running) -> None:
    holding = hold(engine, running)
    pool, answers = in_background(running, 3)
    running.wait_for(lambda: len(running.backend._waiting) == 3)
    refused = ask(running)
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json()["error"]["code"] == "overloaded"
    engine.gate.set()
    assert all(answer.result().status_code == 200 for answer in answers)
    holding.join()
    pool.shutdown()


def test_health_answers_at_once_while_the_model_generates(engine: FakeEngine, running: Running) -> None:
    holding = hold(engine, running)
    with running.client() as client:
        # if they waited for the model, the client would time out: the gate opens only afterwards
        assert client.get("/livez").status_code == 200
        assert client.get("/readyz").json().items() >= {"status": "ready", "model": "fake-1"}.items()
    engine.gate.set()
    holding.join()


def test_a_client_that_leaves_a_stream_cancels_its_row(engine: FakeEngine, running: Running) -> None:
    engine.gate.clear()
    body = {"model": "fake-1-raw", "stream": True, "messages": [{"role": "user", "content": "你好"}]}
    with running.client() as client, client.stream("POST", "/v1/chat/completions", json=body) as response:
        lines = response.iter_lines()
        assert next(lines).startswith("data: ")
        running.wait_for(lambda: len(engine.batches) == 1)
    running.wait_for(lambda: engine.cancelled == 1 and not running.backend.busy)


def test_a_client_that_leaves_before_the_whole_answer_cancels_its_row(engine: FakeEngine, running: Running) -> None:
    def cancelled_one_more(before: int) -> bool:
        return engine.cancelled == before + 1 and not running.backend.busy

    httpx.post(f"{running.url}/v1/qa", json={"question": "感冒怎么办？"}, timeout=60)  # the first one loads the rules
    engine.gate.clear()
    for path, body in (
        ("/v1/chat/completions", {"model": "fake-1-raw", "messages": [{"role": "user", "content": "你好"}]}),
        ("/v1/qa", {"question": "感冒怎么办？"}),
    ):
        before = engine.cancelled
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(running.url + path, json=body, timeout=0.3)
        running.wait_for(partial(cancelled_one_more, before))
    assert engine.cancelled == 2


def test_a_client_that_leaves_the_queue_never_reaches_the_model(engine: FakeEngine, running: Running) -> None:
    holding = hold(engine, running)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(running.url + "/v1/qa", json={"question": "感冒怎么办？"}, timeout=0.3)
    running.wait_for(lambda: not running.backend._waiting)
    engine.gate.set()
    holding.join()
    running.wait_for(lambda: not running.backend.busy)
    assert len(engine.batches) == 1


def test_a_failing_engine_fails_its_requests_and_the_next_ones_are_served(engine: FakeEngine, running: Running) -> None:
    engine.failure = RuntimeError("out of memory")
    failed = ask(running)
    assert failed.status_code == 500
    assert failed.json()["error"]["code"] == "generation_failed"
    engine.failure = None
    assert ask(running).status_code == 200


def test_a_stopping_service_finishes_what_runs_and_refuses_the_rest(engine: FakeEngine, running: Running) -> None:
    engine.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, running)
        running.wait_for(lambda: len(engine.batches) == 1)
        running.server.should_exit = True  # what a signal does
        running.wait_for(lambda: running.backend.draining)
        with running.client() as client:
            assert client.get("/livez").status_code == 200
            assert client.get("/readyz").status_code == 503
        assert ask(running).json()["error"]["code"] == "stopping"
        engine.gate.set()
        assert answer.result().json()["choices"][0]["message"]["content"] == ANSWER
    running.thread.join(10)
    assert not running.thread.is_alive()


def test_who_reads_an_answer_that_is_taken_out_of_the_queue_is_told_its_end() -> None:
    async def read() -> list[str | Completion]:
        backend = LocalBackend(engine, CONFIG)
        await backend.start()
        engine.gate.clear()
        first = await backend.stream([ChatTurn("user", "一")], Sampling())
        waiting = await backend.stream([ChatTurn("user", "二")], Sampling())
        waiting.cancel()
        events = [event async for event in waiting]
        engine.gate.set()
        first.cancel()
        await backend.close()
        return events

    engine = FakeEngine()
    (end,) = asyncio.run(asyncio.wait_for(read(), 20))
    assert isinstance(end, Completion) and (end.text, end.finish_reason) == ("", "cancelled")
