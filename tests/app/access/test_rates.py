"""Requests per minute, in memory and in a real Redis that several replicas share."""

import asyncio
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.access import rates
from app.access.caller import QuotaExceeded
from app.access.rates import MemoryRates, Rates, rates_of
from app.config import AppConfig, RatesConfig
from common.command import read_config
from common.errors import UserError


async def taken(counter: Rates, number: int, name: str = "app", most: int = 3) -> int:
    """How many of so many requests are let through."""
    passed = 0
    for _ in range(number):
        try:
            await counter.take(name, most)
            passed += 1
        except QuotaExceeded as refused:
            assert refused.retry_after is not None and 1 <= refused.retry_after <= 60
    return passed


def test_a_key_may_ask_so_often_and_others_are_not_counted_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = MemoryRates()
    assert asyncio.run(taken(counter, 5)) == 3 and asyncio.run(taken(counter, 5, "other")) == 3
    monkeypatch.setattr(rates, "SECONDS_OF_A_MINUTE", 0.0)
    assert asyncio.run(taken(counter, 5)) == 5


def test_a_redis_that_is_not_there_leaves_each_replica_its_own_count(logged: list[str]) -> None:
    pytest.importorskip("redis", reason="pip install 'xinglin[redis]'")

    async def ask() -> int:
        counter = rates_of(RatesConfig(url="redis://127.0.0.1:1/0"))
        try:
            return await taken(counter, 5)
        finally:
            await counter.close()

    assert asyncio.run(ask()) == 3
    assert len([line for line in logged if "this replica counts requests alone" in line]) == 1


def test_passwords_come_from_a_file_alone(tmp_path: Path) -> None:
    [read] = read_config("app", ["model=m", "access.rates.url=redis://redis:6379/0"], AppConfig)
    assert read.access.rates.url == "redis://redis:6379/0"
    with pytest.raises(ValueError, match="url"):
        RatesConfig(url="redis://:secret@redis:6379")
    pytest.importorskip("redis", reason="pip install 'xinglin[redis]'")
    with pytest.raises(UserError, match="the password cannot be read"):
        rates_of(RatesConfig(url="redis://redis:6379", password_file=tmp_path / "none"))


def test_without_its_library_a_url_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "redis.asyncio", None)
    with pytest.raises(UserError, match=r"access\.rates: Redis needs a library"):
        rates_of(RatesConfig(url="redis://redis:6379"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes], Path]]:
    """A Redis with a password, its process, and the file with the password."""
    pytest.importorskip("redis", reason="pip install 'xinglin[redis]'")
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("Redis is not installed: apt-get install redis-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    password = tmp_path / "password"
    password.write_text("secret\n")
    words = [
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--requirepass",
        "secret",
        "--dir",
        str(tmp_path),
    ]
    with subprocess.Popen([program, *words], stdout=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + 20
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    assert time.monotonic() < end
                    time.sleep(0.05)
            yield f"redis://127.0.0.1:{port}/0", process, password
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()


@pytest.mark.slow
def test_replicas_share_a_count_and_go_on_while_redis_hangs(
    server: tuple[str, subprocess.Popen[bytes], Path], monkeypatch: pytest.MonkeyPatch, logged: list[str]
) -> None:
    url, process, password = server
    monkeypatch.setattr(rates, "SECONDS_TO_ANSWER", 1.0)

    async def ask() -> list[Any]:
        replicas = [rates_of(RatesConfig(url=url, password_file=password)) for _ in range(4)]
        together = sum(await asyncio.gather(*(taken(replica, 5, most=7) for replica in replicas)))
        other = await taken(replicas[0], 5, "other", most=2)
        process.send_signal(signal.SIGSTOP)
        alone = await asyncio.gather(*(taken(replica, 5, most=3) for replica in replicas))
        for replica in replicas:
            await replica.close()
        return [together, other, alone]

    assert asyncio.run(ask()) == [7, 2, [3, 3, 3, 3]]
    assert len([line for line in logged if "this replica counts requests alone" in line]) == 4
    assert not [line for line in logged if "secret" in line]
