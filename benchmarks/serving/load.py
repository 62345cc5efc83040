"""What readers wait for at 1 to 192 streams: first text, further text, answers per second, refusals and errors.

    python benchmarks/serving/load.py model=RUN [streams=1,4,16,64,192] [seconds=20] [tokens=64] [page=FILE.md]

Each stream asks one question about an entry after another, through the pipeline and of the model alone, and takes the
answer as events; a refused one waits as ``Retry-After`` says and asks on. A row ends when its seconds are over and
what was begun is answered. Client and service share the machine. Words with a dot go to the service
(``serve.max_batch=16``).
"""

import asyncio
import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
from driving import (
    Answer,
    Service,
    ask,
    client,
    environment,
    given_words,
    median,
    quantile,
    started,
    use_all_handles,
)

from common.files import write_text
from domains.medical.knowledge_base import KNOWLEDGE

ASKED = ("{}有哪些症状？", "{}应该挂什么科？", "{}平时要注意什么？", "{}是什么？")
SETTINGS = {
    "as it comes": (),
    "room for all": ("serve.max_batch=32", "serve.queue_limit=256"),
}
HEAD = """# What readers wait for under load

`python benchmarks/serving/load.py model=RUN`: each stream asks one question after another and reads the answer as
events; a row takes at least {seconds} s. Through the pipeline text comes once its claims are checked, so first text
is later and comes in larger pieces than from the model alone. Times are medians and 95 of 100. Refused are answers
503 with `Retry-After`, after which a stream waits as long; errors are all other answers than 200, and cut streams.
Client and service share the machine.

{environment} {model}, at most {tokens} tokens per answer.

| service | asked | streams | first text, s | between texts, ms | answers/s | tokens/s | refused | errors |
|---|---|---|---|---|---|---|---|---|
"""


def questions() -> Iterator[str]:
    """Questions about entries, over and over."""
    names = [entry.name for entry in KNOWLEDGE.load().entries]
    return itertools.cycle([wording.format(name) for name in names for wording in ASKED])


async def run(service: Service, model: str, asked: Iterator[str], streams: int, seconds: float, tokens: int) -> str:
    """Asks with so many streams at once; the row of the table."""
    url, answers, end = f"{service.url}/v1/chat/completions", list[Answer](), time.monotonic() + seconds
    spoken = 0

    async def stream(session: aiohttp.ClientSession) -> None:
        while time.monotonic() < end:
            turns = [{"role": "user", "content": next(asked)}]
            answers.append(await ask(session, url, {"model": model, "messages": turns, "max_tokens": tokens}))

    async with client() as session:
        before = await generated(session, service)
        began = time.monotonic()
        await asyncio.gather(*(stream(session) for _ in range(streams)))
        took = time.monotonic() - began
        spoken = await generated(session, service) - before
    whole = [answer for answer in answers if answer.status == 200]
    first = [answer.first for answer in whole if answer.first is not None]
    between = [1000 * gap for answer in whole for gap in answer.between]
    refused = sum(answer.status == 503 for answer in answers)
    cells = (
        f"{median(first):.2f}, {quantile(first, 0.95):.2f}",
        f"{median(between):.0f}, {quantile(between, 0.95):.0f}",
        f"{len(whole) / took:.1f}",
        f"{spoken / took:.0f}",
        str(refused),
        str(len(answers) - len(whole) - refused),
    )
    return " | ".join(cells)


async def generated(session: aiohttp.ClientSession, service: Service) -> float:
    """Tokens that the model has said so far, as ``/metrics`` counts them."""
    async with session.get(f"{service.url}/metrics") as response:
        lines = (await response.text()).splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith('xinglin_tokens_total{kind="answer"}'))


def main() -> None:
    own, words = given_words()
    use_all_handles()
    streams = [int(number) for number in own.get("streams", "1,4,16,64,192").split(",")]
    seconds, tokens = float(own.get("seconds", 20)), int(own.get("tokens", 64))
    asked, rows = questions(), []
    for setting, more in SETTINGS.items():
        with started(f"model={own['model']}", "serve.raw_model=true", *more, *words) as service:
            name = service.model
            for way, model in {"pipeline": name, "model alone": f"{name}-raw"}.items():
                if way == "model alone" and not more:
                    continue  # refuses as the pipeline does
                for number in streams:
                    row = asyncio.run(run(service, model, asked, number, seconds, tokens))
                    rows.append(f"| {setting} | {way} | {number} | {row} |")
                    print(rows[-1], flush=True)
    settings = [
        f"{setting}: `{' '.join(more) or 'serve.max_batch=8 serve.queue_limit=64'}`"
        for setting, more in SETTINGS.items()
    ]
    head = HEAD.format(
        seconds=f"{seconds:g}",
        tokens=tokens,
        model=f"Model {name}",
        environment=environment("torch", "transformers", "fastapi", "uvicorn", "aiohttp"),
    )
    page = Path(own.get("page", str(Path(__file__).with_suffix(".md"))))
    write_text(page, head + "\n".join(rows) + f"\n\n{'; '.join(settings + words)}.\n")


if __name__ == "__main__":
    main()
