"""Several processes behind one port: what is refused, what each gets, and what a signal does to all of them."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from app.config import AppConfig
from app.workers import share_of
from models.without_weights import WithoutWeights
from tests.app.backends.conftest import model, weightless  # noqa: F401
from tests.app.backends.fake_upstream import FakeUpstream, running

SERVER: dict[str, Any] = {"engine": "openai", "upstream": {"url": "http://gpu:8000"}}
REDIS: dict[str, Any] = {"access": {"rates": {"url": "redis://127.0.0.1:9"}}}


@pytest.mark.parametrize(
    ("words", "said"),
    [({}, "would load it again"), (SERVER, "access.rates.url"), (REDIS | {"engine": "llamacpp"}, "engine=llamacpp")],
)
def test_what_would_be_wrong_with_several_is_refused(words: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        AppConfig.model_validate({"model": "run", "workers": 2, **words})


def test_together_they_ask_the_server_for_no_more() -> None:
    config = {"model": "run", "workers": 4, "serve": {"max_batch": 32, "queue_limit": 3}, **SERVER, **REDIS}
    share = share_of(AppConfig.model_validate(config)).serve
    assert (share.max_batch, share.queue_limit) == (8, 1)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_one_that_is_killed_is_replaced_and_all_finish_what_they_began(
    weightless: Path,  # noqa: F811
    model: WithoutWeights,  # noqa: F811
    tmp_path: Path,
) -> None:
    pytest.importorskip("redis", reason="the extra redis is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with running(FakeUpstream("vllm", model.prompt_format.tokenizer)) as server:
        words = [f"model={weightless}", "domain=medical", "engine=openai", f"upstream.url={server.url}", "workers=2"]
        places = [f"access.keys={tmp_path}/keys.sqlite", f"audience.records.folder={tmp_path}/records", f"port={port}"]
        command = [sys.executable, "-m", "app", *words, *places, "access.rates.url=redis://127.0.0.1:9"]
        with (
            subprocess.Popen(
                [*command, "serve.raw_model=true"], env=os.environ | {"PYTHONPATH": str(Path.cwd())}
            ) as service,
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
        ):
            _until(lambda: _ready(client))
            workers = _workers(service.pid)
            os.kill(workers[0], signal.SIGKILL)
            _until(lambda: len(_workers(service.pid)) == 2 and workers[0] not in _workers(service.pid))
            _until(lambda: _ready(client))
            server.gate.clear()
            name = client.get("/v1/models").json()["data"][0]["id"]
            body = {"model": f"{name}-raw", "messages": [{"role": "user", "content": "你好"}], "stream": True}
            with client.stream("POST", "/v1/chat/completions", json=body) as answer:
                lines = answer.iter_lines()
                next(lines)
                service.send_signal(signal.SIGTERM)
                server.gate.set()
                assert "data: [DONE]" in list(lines)
            assert service.wait(60) == 143
    assert not psutil.pid_exists(workers[1])


def _workers(process: int) -> list[int]:
    """The processes that serve; multiprocessing has one more, which cleans up."""
    children = psutil.Process(process).children()
    return [one.pid for one in children if "spawn_main" in " ".join(one.cmdline())]


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def _until(condition: Any) -> None:
    end = time.monotonic() + 600  # libraries load slowly on a busy machine
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.3)
