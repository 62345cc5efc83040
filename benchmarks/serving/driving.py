"""Starts a service and asks it many streams at once; what the other commands of this folder have in common."""

import asyncio
import json
import os
import platform
import resource
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp

from common.machine import allowed_cores, processor
from models.numerics import instruction_set

ROOT = Path(__file__).resolve().parents[2]
SECONDS_TO_START = 180
CHOICES = ("domain", "grounding", "verify", "workers")
"""Words of the service without a dot."""


@dataclass
class Answer:
    """One answer of a stream.

    Attributes:
        status: Of the response; 0 where the connection failed or the stream was cut off.
        first: Seconds to the first text; None where there was none.
        between: Seconds between pieces of text.
        text: All of it.
    """

    status: int = 0
    first: float | None = None
    between: list[float] = field(default_factory=list)
    text: str = ""


@dataclass(frozen=True)
class Service:
    """A service in a process of its own.

    Attributes:
        url: Where it answers.
        model: The name of its model.
        process: Its process id.
    """

    url: str
    model: str
    process: int


def given_words() -> tuple[dict[str, str], list[str]]:
    """The words of the command line: those of the benchmark, and the service's, which have a dot or are its choices."""
    own, services = dict[str, str](), list[str]()
    for word in sys.argv[1:]:
        name, _, value = word.partition("=")
        if "." in name or name in CHOICES:
            services.append(word)
        else:
            own[name] = value
    return own, services


@contextmanager
def started(*words: str) -> Iterator[Service]:
    """Serves with these words until the block ends; what the service logs is shown where it does not start."""
    port = free_port()
    command = [sys.executable, "-m", "app", f"port={port}", *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "XINGLIN_LOG": "ERROR"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=sys.stderr) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(f"{url}/readyz", process)
            model = json.loads(_read(f"{url}/v1/models"))["data"][0]["id"]
            yield Service(url, model, process.pid)
        finally:
            process.terminate()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(f"the service ended with {process.returncode}")
        with suppress(OSError, urllib.error.HTTPError):
            _read(url)
            return
        time.sleep(0.2)
    raise SystemExit(f"the service is not ready after {SECONDS_TO_START} s")


def _read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as response:
        return bytes(response.read())


def use_all_handles() -> None:
    """As many connections as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def client(seconds: float = 300) -> aiohttp.ClientSession:
    """A client with as many connections as it is asked for."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=seconds), trust_env=False
    )


async def ask(session: aiohttp.ClientSession, url: str, body: dict[str, Any]) -> Answer:
    """Asks for one answer in OpenAI's format, streamed, and times its pieces."""
    answer, began = Answer(), time.perf_counter()
    before, ended = began, False
    try:
        async with session.post(url, json=body | {"stream": True}) as response:
            async for line in response.content:
                if not line.startswith(b"data: {"):
                    ended = ended or line.startswith(b"data: [DONE]")
                    continue
                now, text = time.perf_counter(), _text(json.loads(line[6:]))
                if text and answer.first is None:
                    answer.first = now - began
                elif text:
                    answer.between.append(now - before)
                if text:
                    before, answer.text = now, answer.text + text
            if response.status == 503:
                await asyncio.sleep(float(response.headers.get("Retry-After", 1)))  # as clients do
            answer.status = response.status if ended or response.status != 200 else 0
    except (aiohttp.ClientError, TimeoutError, json.JSONDecodeError):
        answer.status = 0
    return answer


def _text(event: dict[str, Any]) -> str:
    if "error" in event:
        raise aiohttp.ClientPayloadError("the stream ends with an error")
    choices = event.get("choices") or [{}]
    return choices[0].get("text") or choices[0].get("delta", {}).get("content") or ""


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of them does not exceed; NaN of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def median(values: Iterable[float]) -> float:
    """The median; NaN of none."""
    known = [*values]
    return statistics.median(known) if known else float("nan")


def environment(*packages: str) -> str:
    """Date, hardware, instruction set and versions, a line of a page."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    machine = f"{allowed_cores():g} cores of {processor()}, {platform.machine()}, {instruction_set()}"
    return f"{time.strftime('%Y-%m-%d')}; {machine}; Python {platform.python_version()}, {versions}."
