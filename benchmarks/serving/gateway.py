"""What the service adds to a server that runs the model: seconds to first text through it, minus those without it.

    python benchmarks/serving/gateway.py model=RUN [streams=1,16,64] [rounds=4] [answers=4] [pace=0.03] [page=FILE.md]
        [workers=2 access.rates.url=redis://HOST:6379]

The server is a fake in a process of its own: it says one character after another at a fixed pace. Streams ask it
directly, then through the service as the model alone, then through the pipeline; the three take turns. The pipeline
passes on whole clauses, also with ``verify=off``, so its first text waits for the server's first five characters.
Streams begin one after another over the time of an answer, as readers do. Ends with exit code 1 where the model alone
at 64 streams is above the bounds.
"""

import asyncio
import json
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import psutil
from driving import Answer, Service, ask, client, environment, given_words, median, quantile, started, use_all_handles

from common.files import write_text

SAID = "多喝温水，注意休息，饮食清淡，按时作息；如果几天后仍不见好，请带上以前的检查结果去看医生。"
"""What the server says, a character at a time."""

FIRST_SECONDS = 0.1
"""How long the server reads before it says something."""

BOUNDS_MS = (5.0, 15.0)
"""Most that may be added at ``BOUND_STREAMS`` streams: median and 99 of 100."""
BOUND_STREAMS = 64

HEAD = """# What the service adds in front of a server

`python benchmarks/serving/gateway.py model=RUN`: a fake server waits {first} ms and then says a character every
{pace} ms. The streams ask it directly, through the service as the model alone, and through the pipeline with
`verify=off`, in turn, {rounds} rounds of {answers} answers per stream. The pipeline passes on whole clauses, so its
first text waits for the first five characters. Times are medians and 99 of 100. Added is the quantile through the
service minus the same quantile of the direct answers; {workers} serve, and client, service and fake server share
the machine.

{environment}

| streams | asked | first text, ms | added, ms | between texts, ms | processor time per answer, ms | whole answers |
|---|---|---|---|---|---|---|
"""


class Way(NamedTuple):
    """One way to ask: its name, where, and what is asked for."""

    name: str
    url: str
    body: dict[str, Any]


class PacedServer:
    """Says the same at a fixed pace, in the format of OpenAI's completions.

    Args:
        pace: Seconds between two characters.
    """

    def __init__(self, pace: float) -> None:
        self.pace = pace

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection."""
        while line := await reader.readline():
            length = 0
            while (header := await reader.readline()).strip():
                if header.lower().startswith(b"content-length"):
                    length = int(header.split(b":")[1])
            body = json.loads(await reader.readexactly(length) or b"{}")
            if line.startswith(b"GET"):
                card = {"id": "paced", "object": "model", "owned_by": "nobody"}
                _write(writer, json.dumps({"object": "list", "data": [card]}).encode())
            else:
                await self._say(writer, len(body["prompt"]), body["max_tokens"])

    async def _say(self, writer: asyncio.StreamWriter, read: int, most: int) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        said, clock = SAID[:most], asyncio.get_running_loop().time
        due = clock() + FIRST_SECONDS
        for place, text in enumerate(said):
            await asyncio.sleep(due - clock())
            due += self.pace
            ended = ("length" if len(said) == most else "stop") if place == len(said) - 1 else None
            _event(writer, {"choices": [{"index": 0, "text": text, "logprobs": None, "finish_reason": ended}]})
        _event(writer, {"choices": [], "usage": {"prompt_tokens": read, "completion_tokens": len(said)}})
        writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")


def _event(writer: asyncio.StreamWriter, event: dict[str, Any]) -> None:
    data = f"data: {json.dumps({'id': 'cmpl-1', 'object': 'text_completion', 'model': 'paced'} | event)}\n\n".encode()
    writer.write(b"%x\r\n%s\r\n" % (len(data), data))


def _write(writer: asyncio.StreamWriter, body: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)


def _serve(pace: float, port: Connection) -> None:
    async def forever() -> None:
        server = await asyncio.start_server(PacedServer(pace).handle, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(forever())


@contextmanager
def paced_server(pace: float) -> Iterator[str]:
    """The server in a process of its own, until the block ends; its address."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(pace, there), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}"
    finally:
        process.terminate()


def ways_of(server: str, service: Service) -> list[Way]:
    """The three ways to the same text."""
    turns, tokens = [{"role": "user", "content": "感冒了平时要注意什么？"}], len(SAID)
    direct = {"model": "paced", "prompt": "感冒了", "max_tokens": tokens, "stream_options": {"include_usage": True}}
    chat = f"{service.url}/v1/chat/completions"
    return [
        Way("directly", f"{server}/v1/completions", direct),
        Way("model alone", chat, {"model": f"{service.model}-raw", "messages": turns, "max_tokens": tokens}),
        Way("pipeline", chat, {"model": service.model, "messages": turns, "max_tokens": tokens}),
    ]


async def round_of(way: Way, streams: int, answers: int, seconds: float) -> list[Answer]:
    """What the streams get that begin one after another."""

    async def stream(session: aiohttp.ClientSession, place: int) -> list[Answer]:
        await asyncio.sleep(seconds * place / streams)
        return [await ask(session, way.url, way.body) for _ in range(answers)]

    async with client() as session:
        got = await asyncio.gather(*(stream(session, place) for place in range(streams)))
    return [answer for one in got for answer in one]


def main() -> None:
    own, words = given_words()
    use_all_handles()
    levels = [int(number) for number in own.get("streams", "1,16,64").split(",")]
    rounds, answers, pace = int(own.get("rounds", 4)), int(own.get("answers", 4)), float(own.get("pace", 0.03))
    rows, broken = [], list[str]()
    with paced_server(pace) as server:
        serve = ("serve.raw_model=true", f"serve.max_batch={max(levels)}", "verify=off", f"upstream.url={server}")
        with started(f"model={own['model']}", "engine=openai", *serve, *words) as service:
            for streams in levels:
                got: dict[str, list[Answer]] = {}
                spent: dict[str, float] = {}
                for _ in range(rounds):
                    for way in ways_of(server, service):
                        seconds = FIRST_SECONDS + pace * len(SAID)
                        before = cpu_seconds(service)
                        got.setdefault(way.name, []).extend(asyncio.run(round_of(way, streams, answers, seconds)))
                        spent[way.name] = spent.get(way.name, 0) + cpu_seconds(service) - before
                direct = quantiles([answer.first for answer in got["directly"]])
                for name, one in got.items():
                    rows.append(row(streams, name, one, direct, 1000 * spent[name] / len(one)))
                    print(rows[-1], flush=True)
                broken += beyond(streams, quantiles([answer.first for answer in got["model alone"]]), direct)
    head = HEAD.format(
        first=f"{1000 * FIRST_SECONDS:.0f}",
        pace=f"{1000 * pace:g}",
        workers=next((word for word in words if word.startswith("workers=")), "workers=1"),
        rounds=rounds,
        answers=answers,
        environment=environment("aiohttp", "fastapi", "uvicorn"),
    )
    verdict = (
        "; ".join(broken)
        or f"Bounds at {BOUND_STREAMS} streams, model alone: {BOUNDS_MS[0]:g} and {BOUNDS_MS[1]:g} ms."
    )
    write_text(
        Path(own.get("page", str(Path(__file__).with_suffix(".md")))), head + "\n".join(rows) + f"\n\n{verdict}\n"
    )
    if broken:
        raise SystemExit(verdict)


def quantiles(seconds: list[float | None]) -> tuple[float, float]:
    """Median and 99 of 100, ms, of those that are known."""
    known = [1000 * one for one in seconds if one is not None]
    return median(known), quantile(known, 0.99)


def cpu_seconds(service: Service) -> float:
    """What the service has computed so far, all of its workers."""
    process = psutil.Process(service.process)
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return float(sum(one.user + one.system for one in times))


def row(streams: int, name: str, answers: list[Answer], direct: tuple[float, float], spent: float) -> str:
    """A row of the table; ``spent`` are milliseconds of the processor per answer."""
    first = quantiles([answer.first for answer in answers])
    between = quantiles([gap for answer in answers for gap in answer.between])
    ours = name != "directly"
    added = f"{first[0] - direct[0]:.1f}, {first[1] - direct[1]:.1f}" if ours else ""
    whole = sum(answer.status == 200 and SAID in answer.text for answer in answers)
    took = f"{spent:.0f}" if ours else ""
    times = f"{first[0]:.1f}, {first[1]:.1f} | {added} | {between[0]:.1f}, {between[1]:.1f} | {took}"
    return f"| {streams} | {name} | {times} | {whole} of {len(answers)} |"


def beyond(streams: int, first: tuple[float, float], direct: tuple[float, float]) -> list[str]:
    """What is above the bounds."""
    if streams != BOUND_STREAMS:
        return []
    added = [through - without for through, without in zip(first, direct, strict=True)]
    named = zip(("median", "p99"), added, BOUNDS_MS, strict=True)
    return [f"ABOVE THE BOUND: {name} {value:.1f} ms, {most:g} at most" for name, value, most in named if value > most]


if __name__ == "__main__":
    main()
