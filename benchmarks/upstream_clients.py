"""CPU time that reading streams of an upstream costs, with httpx2 and with aiohttp.

    python benchmarks/upstream_clients.py   writes benchmarks/upstream_clients.md

A server in a process of its own streams answers as vLLM does, one token per event, as fast as they are read. What is
measured is the CPU time of the reading process, because that is what a gateway has little of: connections, HTTP, lines,
JSON.
"""

import asyncio
import json
import multiprocessing
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp
import httpx2

from common.files import write_text
from common.machine import processor

STREAMS, EVENTS, ROUNDS = 64, 128, 7
EVENT = {
    "id": "cmpl-0123456789abcdef0123456789abcdef",
    "object": "text_completion",
    "created": 1764442800,
    "model": "medical_qlora",
    "choices": [{"index": 0, "text": "头痛", "logprobs": None, "finish_reason": None, "token_ids": [4242]}],
}
HEAD = """# Which HTTP client reads streams of an upstream

`python benchmarks/upstream_clients.py`: CPU time of the reading process, µs per event, median of {rounds} rounds of
{streams} streams at once with {events} events each. {processor}; httpx2 {httpx2}, aiohttp {aiohttp}.

| client | µs per event | lowest | highest |
|---|---|---|---|
"""


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    event = f"data: {json.dumps(EVENT)}\n\n".encode()
    chunk = b"%x\r\n%s\r\n" % (len(event), event)
    while await reader.readline():
        while (line := await reader.readline()).strip():
            if line.lower().startswith(b"content-length"):
                length = int(line.split(b":")[1])
        await reader.readexactly(length)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(EVENTS):
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(0)  # an event per segment, as from a model
        writer.write(b"0\r\n\r\n")
    writer.close()


def _serve(port: Connection) -> None:
    async def forever() -> None:
        server = await asyncio.start_server(_answer, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(forever())


async def _events(lines: AsyncIterator[bytes] | AsyncIterator[str]) -> int:
    read = 0
    async for line in lines:
        if line[:5] in (b"data:", "data:"):
            assert json.loads(line[5:])["choices"]
            read += 1
    return read


async def _with_httpx2(url: str) -> float:
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(trust_env=False, timeout=None, limits=limits) as client:

        async def stream() -> int:
            async with client.stream("POST", url, json=EVENT) as response:
                return await _events(response.aiter_lines())

        return await _timed(stream)


async def _with_aiohttp(url: str) -> float:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:

        async def stream() -> int:
            async with client.post(url, json=EVENT) as response:
                return await _events(response.content)

        return await _timed(stream)


async def _timed(stream: Callable[[], Awaitable[int]]) -> float:
    """CPU time per event, µs, with connections that exist."""
    await asyncio.gather(*(stream() for _ in range(STREAMS)))
    began = time.process_time()
    read = sum(await asyncio.gather(*(stream() for _ in range(STREAMS))))
    assert read == STREAMS * EVENTS
    return (time.process_time() - began) / read * 1e6


def main() -> None:
    """Measures both in turn."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(there,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{here.recv()}/v1/completions"
    clients = {"httpx2": _with_httpx2, "aiohttp": _with_aiohttp}
    times: dict[str, list[float]] = {name: [] for name in clients}
    for _ in range(ROUNDS):
        for name, measure in clients.items():
            times[name].append(asyncio.run(measure(url)))
    server.terminate()
    table = [f"| {n} | {statistics.median(t):.0f} | {min(t):.0f} | {max(t):.0f} |" for n, t in times.items()]
    head = HEAD.format(
        rounds=ROUNDS,
        streams=STREAMS,
        events=EVENTS,
        processor=processor(),
        httpx2=httpx2.__version__,
        aiohttp=aiohttp.__version__,
    )
    write_text(Path(__file__).with_suffix(".md"), head + "\n".join(table) + "\n")
    print("\n".join(table))


if __name__ == "__main__":
    main()
