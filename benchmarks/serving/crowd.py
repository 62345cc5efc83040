"""Is the service alive in a crowd? ``/livez`` beside 1,100 idle connections, 600 half requests and 160 clients at once.

    python benchmarks/serving/crowd.py model=RUN [rounds=3] [idle=1100] [half=600] [clients=160] [page=FILE.md]

Each round opens its own connections, since the service closes them after a while, lets the clients ask, and probes
over new connections; meanwhile an idle server is probed, too. Clients, probers and idle server have processes or
threads of their own. Ends with exit code 1 where a probe takes 0.2 s or longer and the service has computed for so long
meanwhile: where it has not, it waited for a machine that others keep busy, as the idle server's times show.
"""

import asyncio
import multiprocessing
import socket
import threading
import time
import urllib.parse
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from driving import Service, ask, client, environment, given_words, median, started, use_all_handles

from common.files import write_text
from domains.medical.knowledge_base import KNOWLEDGE

BOUND_SECONDS = 0.2
PROBES, SECONDS_BETWEEN_PROBES = 100, 0.05
HALF = b"POST /v1/qa HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"

HEAD = """# Is the service alive in a crowd?

`python benchmarks/serving/crowd.py model=RUN`: {idle} idle connections, {half} requests that stop in the middle, and
{clients} clients that ask, all at once; meanwhile `/livez` over new connections, and an idle server in the same way.
Clients, probers and servers share the machine. Computed is the processor time of all threads of the service within a
probe: the longest that the probe would take where nobody else computes.

{environment}

Milliseconds as median / longest.

| round | probes | `/livez` | computed | idle server | answers meanwhile | refused | errors |
|---|---|---|---|---|---|---|---|
"""


class Probe(NamedTuple):
    """One request to ``/livez``.

    Attributes:
        seconds: From its connection to the end of its answer.
        computed: Seconds of the processor that the probed process took meanwhile.
    """

    seconds: float
    computed: float


def ask_on(url: str, model: str, clients: int, results: Connection) -> None:
    """Asks with so many clients until told to stop; sends a word first, then what became of the questions."""
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
            results.send("asking")
            while not results.poll():
                await asyncio.sleep(0.05)
            for task in tasks:
                task.cancel()
        return counts

    results.send(asyncio.run(run()))


def idle_server(port: Connection) -> None:
    """Answers every request with nothing."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        writer.close()

    async def forever() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(forever())


def computed(process: int) -> float:
    """Seconds of the processor that all threads of a process have taken."""
    threads = Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in threads) / 1e9


def probe(url: str, process: int) -> list[Probe]:
    """Asks a process for its ``/livez``, again and again."""
    address = urllib.parse.urlsplit(url)
    probes = []
    for _ in range(PROBES):
        before, began = computed(process), time.perf_counter()
        with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=30) as connection:
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200"), answer[:100]
        seconds = time.perf_counter() - began
        probes.append(Probe(seconds, computed(process) - before))
        time.sleep(SECONDS_BETWEEN_PROBES)
    return probes


def round_of(
    service: Service, beside: Service, idle: int, half: int, clients: int
) -> tuple[list[Probe], list[Probe], list[int]]:
    """One crowd; probes of the service and of the idle server beside, and what became of the clients' questions."""
    probes_beside: list[Probe] = []
    probing = threading.Thread(target=lambda: probes_beside.extend(probe(beside.url, beside.process)))
    address = urllib.parse.urlsplit(service.url)
    here, there = multiprocessing.Pipe()
    asking: Any = multiprocessing.get_context("spawn").Process(
        target=ask_on, args=(service.url, service.model, clients, there), daemon=True
    )
    asking.start()
    here.recv()
    with ExitStack() as crowd:
        for place in range(idle + half):
            connection = socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=30)
            crowd.enter_context(connection)
            if place >= idle:
                connection.sendall(HALF)
        probing.start()
        probes = probe(service.url, service.process)
        probing.join()
    here.send("stop")
    counts = here.recv()
    asking.join()
    return probes, probes_beside, counts


def main() -> None:
    own, words = given_words()
    use_all_handles()
    idle, half, clients = (int(own.get(name, most)) for name, most in (("idle", 1100), ("half", 600), ("clients", 160)))
    rows, slow = [], list[Probe]()
    here, there = multiprocessing.Pipe()
    server: Any = multiprocessing.get_context("spawn").Process(target=idle_server, args=(there,), daemon=True)
    server.start()
    beside = Service(f"http://127.0.0.1:{here.recv()}", "", server.pid)
    with started(f"model={own['model']}", *words) as service:
        for number in range(1, int(own.get("rounds", 3)) + 1):
            probes, beside_it, (answers, refused, errors) = round_of(service, beside, idle, half, clients)
            slow += [one for one in probes if one.seconds >= BOUND_SECONDS]
            kinds = [
                [one.seconds for one in probes],
                [one.computed for one in probes],
                [one.seconds for one in beside_it],
            ]
            times = " | ".join(f"{1000 * median(one):.0f} / {1000 * max(one):.0f}" for one in kinds)
            rows.append(f"| {number} | {len(probes)} | {times} | {answers} | {refused} | {errors} |")
            print(rows[-1], flush=True)
    head = HEAD.format(idle=idle, half=half, clients=clients, environment=environment("fastapi", "uvicorn", "h11"))
    ours = [one for one in slow if one.computed >= BOUND_SECONDS]
    verdict = (
        f"{len(slow)} probes took {BOUND_SECONDS:g} s or longer, {len(ours)} of them by what the service computed."
    )
    page = Path(own.get("page", str(Path(__file__).with_suffix(".md"))))
    write_text(page, head + "\n".join(rows) + f"\n\n{verdict}\n")
    if ours:
        raise SystemExit(f"ABOVE THE BOUND: {verdict}")


if __name__ == "__main__":
    main()
