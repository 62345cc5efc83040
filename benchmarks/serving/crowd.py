"""Is the service alive in a crowd? ``/livez`` beside 1,100 idle connections, 600 half requests and 160 clients at once.

    python benchmarks/serving/crowd.py model=RUN [rounds=3] [idle=1100] [half=600] [clients=160] [page=FILE.md]

Each round opens its own connections, since the service closes them after a while, lets the clients ask, and probes
over new connections. Clients and prober are processes of their own. Ends with exit code 1 where a probe takes 0.2 s
or longer.
"""

import asyncio
import multiprocessing
import socket
import time
import urllib.parse
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from driving import Service, ask, client, environment, given_words, median, quantile, started, use_all_handles

from common.files import write_text
from domains.medical.knowledge_base import KNOWLEDGE

BOUND_SECONDS = 0.2
PROBES, SECONDS_BETWEEN_PROBES = 100, 0.05
HALF = b"POST /v1/qa HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"

HEAD = """# Is the service alive in a crowd?

`python benchmarks/serving/crowd.py model=RUN`: {idle} idle connections, {half} requests that stop in the middle, and
{clients} clients that ask, all at once; meanwhile `/livez` over new connections. Clients, prober and service share
the machine.

{environment}

| round | probes | median, ms | p99, ms | longest, ms | answers meanwhile | refused | errors |
|---|---|---|---|---|---|---|---|
"""


def ask_on(url: str, model: str, clients: int, results: Connection) -> None:
    """Asks with so many clients until told to stop; sends how many answers came, were refused, and failed."""
    use_all_handles()
    questions = [f"{entry.name}有哪些症状？" for entry in KNOWLEDGE.load().entries]

    async def run() -> list[int]:
        counts = [0, 0, 0]
        async with client() as session:

            async def one(place: int) -> None:
                while not results.poll():
                    turns = [{"role": "user", "content": questions[place % len(questions)]}]
                    answer = await ask(session, f"{url}/v1/chat/completions", {"model": model, "messages": turns})
                    counts[{200: 0, 503: 1}.get(answer.status, 2)] += 1

            tasks = [asyncio.create_task(one(place)) for place in range(clients)]
            while not results.poll():
                await asyncio.sleep(0.05)
            for task in tasks:
                task.cancel()
        return counts

    results.send(asyncio.run(run()))


def probe(url: str) -> list[float]:
    """Seconds of each probe, from its connection to the end of its answer."""
    address = urllib.parse.urlsplit(url)
    seconds = []
    for _ in range(PROBES):
        began = time.perf_counter()
        with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=30) as connection:
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200"), answer[:100]
        seconds.append(time.perf_counter() - began)
        time.sleep(SECONDS_BETWEEN_PROBES)
    return seconds


def round_of(service: Service, idle: int, half: int, clients: int) -> tuple[list[float], list[int]]:
    """One crowd; seconds of the probes, and what became of the clients' questions."""
    address = urllib.parse.urlsplit(service.url)
    here, there = multiprocessing.Pipe()
    asking: Any = multiprocessing.get_context("spawn").Process(
        target=ask_on, args=(service.url, service.model, clients, there), daemon=True
    )
    asking.start()
    with ExitStack() as crowd:
        for place in range(idle + half):
            connection = socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=30)
            crowd.enter_context(connection)
            if place >= idle:
                connection.sendall(HALF)
        seconds = probe(service.url)
    here.send("stop")
    counts = here.recv()
    asking.join()
    return seconds, counts


def main() -> None:
    own, words = given_words()
    use_all_handles()
    idle, half, clients = (int(own.get(name, most)) for name, most in (("idle", 1100), ("half", 600), ("clients", 160)))
    rows, longest = [], 0.0
    with started(f"model={own['model']}", *words) as service:
        for number in range(1, int(own.get("rounds", 3)) + 1):
            seconds, (answers, refused, errors) = round_of(service, idle, half, clients)
            longest = max(longest, *seconds)
            times = " | ".join(f"{1000 * one:.0f}" for one in (median(seconds), quantile(seconds, 0.99), max(seconds)))
            rows.append(f"| {number} | {len(seconds)} | {times} | {answers} | {refused} | {errors} |")
            print(rows[-1], flush=True)
    head = HEAD.format(idle=idle, half=half, clients=clients, environment=environment("fastapi", "uvicorn", "h11"))
    verdict = "" if longest < BOUND_SECONDS else f"\nABOVE THE BOUND: {longest:.2f} s, {BOUND_SECONDS:g} s at most\n"
    write_text(Path(own.get("page", str(Path(__file__).with_suffix(".md")))), head + "\n".join(rows) + "\n" + verdict)
    if verdict:
        raise SystemExit(verdict.strip())


if __name__ == "__main__":
    main()
