"""An hour of questions: does memory stay flat, and is every answer the one to its own question?

    python benchmarks/serving/soak.py model=RUN [minutes=60] [streams=8] [questions=48] [page=FILE.md]

First each question is asked alone, twice. Then the streams ask them in an order of their own until the time is over,
of the pipeline and of the model alone, and now and then leave in the middle of an answer. Answers are greedy, so each
must be the one that was given alone; one that is another question's is mixed up. Questions whose two answers alone
differ are left out. Ends with exit code 1 where an answer is lost or another question's, or where the memory of the
last quarter is above that of the second by more than a twentieth.
"""

import asyncio
import itertools
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil
from driving import Service, ask, client, environment, given_words, median, started, use_all_handles

from common.files import write_text
from domains.medical.knowledge_base import KNOWLEDGE

ASKED = ("{}有哪些症状？", "{}应该挂什么科？", "{}平时要注意什么？", "{}是什么？")
TOKENS = 48
LEAVES = 0.03
"""Share of the answers whose reader leaves after a moment."""
SECONDS_BETWEEN_SAMPLES = 5.0
MOST_GROWTH = 1.05

HEAD = """# An hour of questions

`python benchmarks/serving/soak.py model=RUN minutes={minutes:g} streams={streams}`: {questions} questions, of the
pipeline and of the model alone, first each alone, then by all streams at once in random order; in {leaves:.0%} of the
cases the reader leaves.

{environment} {model}.

| | |
|---|---|
"""


@dataclass
class Soak:
    """What was asked, and what came.

    Attributes:
        alone: The answer to each question of each model, asked alone.
        counts: Answers by what they were.
        memory: Mebibytes that the service held, one sample after another.
    """

    alone: dict[tuple[str, str], str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    memory: list[float] = field(default_factory=list)

    def judge(self, asked: tuple[str, str], said: str) -> None:
        """Counts an answer as its own, another question's, or neither."""
        if said == self.alone[asked]:
            self.counts["as alone"] += 1
        elif said in self.alone.values():
            self.counts["another question's"] += 1
        else:
            self.counts["in other words"] += 1

    @property
    def growth(self) -> float:
        """Memory of the last quarter as a multiple of the second's: the first fills caches."""
        quarter = max(1, len(self.memory) // 4)
        return median(self.memory[-quarter:]) / median(self.memory[quarter : 2 * quarter])


def body_of(asked: tuple[str, str]) -> dict[str, object]:
    """What is sent for a question to a model."""
    model, question = asked
    return {"model": model, "messages": [{"role": "user", "content": question}], "max_tokens": TOKENS}


async def ask_alone(soak: Soak, session: aiohttp.ClientSession, url: str, service: Service, number: int) -> None:
    """Fills ``soak.alone`` with the answers that are the same twice and no other question's."""
    names = [entry.name for entry in KNOWLEDGE.load().entries]
    questions = [wording.format(name) for name in names for wording in ASKED][:: max(1, 4 * len(names) // number)]
    for asked in itertools.product((service.model, f"{service.model}-raw"), questions[:number]):
        first, second = [(await ask(session, url, body_of(asked))).text for _ in range(2)]
        if first == second and first and first not in soak.alone.values():
            soak.alone[asked] = first


async def run(service: Service, soak: Soak, minutes: float, streams: int, number: int) -> None:
    """Asks until the time is over."""
    url = f"{service.url}/v1/chat/completions"
    async with client() as session:
        await ask_alone(soak, session, url, service, number)
        end, asked = time.monotonic() + 60 * minutes, [*soak.alone]

        async def stream(seed: int) -> None:
            drawn = random.Random(seed)
            while time.monotonic() < end:
                one = drawn.choice(asked)
                if drawn.random() < LEAVES:
                    await leave(session, url, one, drawn.uniform(0.05, 0.5))
                    soak.counts["left by the reader"] += 1
                    continue
                answer = await ask(session, url, body_of(one))
                if answer.status == 200:
                    soak.judge(one, answer.text)
                else:
                    soak.counts["lost" if answer.status != 503 else "refused"] += 1

        async def watch() -> None:
            process = psutil.Process(service.process)
            while time.monotonic() < end:
                soak.memory.append(process.memory_info().rss / 2**20)
                await asyncio.sleep(SECONDS_BETWEEN_SAMPLES)

        await asyncio.gather(watch(), *(stream(seed) for seed in range(streams)))


async def leave(session: aiohttp.ClientSession, url: str, asked: tuple[str, str], seconds: float) -> None:
    """Asks, and closes the connection after so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await ask(session, url, body_of(asked))
    except TimeoutError:
        return


def main() -> None:
    own, words = given_words()
    use_all_handles()
    minutes, streams = float(own.get("minutes", 60)), int(own.get("streams", 8))
    soak = Soak()
    with started(f"model={own['model']}", "serve.raw_model=true", *words) as service:
        asyncio.run(run(service, soak, minutes, streams, int(own.get("questions", 48))))
    head = HEAD.format(
        minutes=minutes,
        streams=streams,
        questions=len(soak.alone),
        leaves=LEAVES,
        model=service.model,
        environment=environment("torch", "transformers", "fastapi", "uvicorn"),
    )
    memory = f"{soak.memory[0]:.0f} at first, {max(soak.memory):.0f} at most, {soak.memory[-1]:.0f} at the end"
    names = ("as alone", "in other words", "another question's", "lost", "refused", "left by the reader")
    rows = [*(f"| answers {name} | {soak.counts[name]} |" for name in names), f"| memory, MiB | {memory} |"]
    rows.append(f"| last quarter, as a multiple of the second | {soak.growth:.3f} |")
    print("\n".join(rows))
    write_text(Path(own.get("page", str(Path(__file__).with_suffix(".md")))), head + "\n".join(rows) + "\n")
    if soak.counts["lost"] or soak.counts["another question's"] or soak.growth > MOST_GROWTH:
        raise SystemExit("answers are lost or mixed up, or memory grows")


if __name__ == "__main__":
    main()
