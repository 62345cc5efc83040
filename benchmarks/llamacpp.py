"""Measures tokens/s of our local engine, of engine=llamacpp behind the backend, and of llama.cpp alone.

    python benchmarks/llamacpp.py model=RUN [gguf=q8_0] [streams=1,4,16] [tokens=64] [rounds=3] [local=true]

All three get questions of the same kind, new ones each time, and answer greedily; they take turns, so that other work
on the machine slows all of them alike. Each stream asks its own questions, one after another. llama.cpp alone is its
server's completion call on token ids, from as many threads as there are streams.
"""

import asyncio
import itertools
import os
import platform
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import torch

from app.backends.backend import ChatTurn
from app.backends.local import LocalBackend
from app.config import ServeConfig
from domains.medical.knowledge_base import KNOWLEDGE
from models.engines.engine import Completion, Engine, Sampling
from models.engines.llamacpp import LlamaCppEngine, load_llamacpp_engine
from models.engines.local import load_engine
from models.numerics import instruction_set

QUESTIONS_PER_STREAM = 2


def main() -> None:
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    model, gguf, tokens = Path(given["model"]), given.get("gguf", "q8_0"), int(given.get("tokens", 64))
    rounds, local = int(given.get("rounds", 3)), given.get("local", "true") == "true"
    torch.set_num_threads(int(given.get("threads", len(os.sched_getaffinity(0)))))
    questions = itertools.cycle(f"{entry.name}是什么？请详细介绍。" for entry in KNOWLEDGE.load().entries)
    ours = [("local", behind_backend, load_engine(model))] if local else []
    print("| streams | " + "local | " * local + "engine=llamacpp | llama.cpp alone | share of llama.cpp's own |")
    print("|---" * (4 + local) + "|")
    for streams in map(int, given.get("streams", "1,4,16").split(",")):
        engine = load_llamacpp_engine(model, weights=gguf, slots=streams)
        rates: dict[str, list[float]] = {}
        for _ in range(rounds):
            for name, run, runner in [*ours, ("backend", behind_backend, engine), ("alone", alone, engine)]:
                asked = [list(itertools.islice(questions, QUESTIONS_PER_STREAM)) for _ in range(streams)]
                started = time.monotonic()
                rates.setdefault(name, []).append(run(runner, asked, tokens) / (time.monotonic() - started))
        share = statistics.median(b / a for b, a in zip(rates["backend"], rates["alone"], strict=True))
        medians = " | ".join(f"{statistics.median(values):.1f}" for values in rates.values())
        print(f"| {streams} | {medians} | {share:.0%} |", flush=True)
    print(
        f"\nTokens/s, answers of at most {tokens} tokens, medians of {rounds} rounds; {gguf} (local: float32); "
        f"{torch.get_num_threads()} threads, {platform.machine()}, {instruction_set()}; "
        f"xllamacpp {version('xllamacpp')}, torch {version('torch')}"
    )


def behind_backend(engine: Engine, asked: list[list[str]], tokens: int) -> int:
    """Tokens that the streams got from the service's backend."""
    backend = LocalBackend(engine, ServeConfig(max_batch=len(asked)))

    async def one(questions: list[str]) -> int:
        total = 0
        for question in questions:
            answer = await backend.stream([ChatTurn("user", question)], Sampling(max_new_tokens=tokens))
            async for event in answer:
                total += event.completion_tokens if isinstance(event, Completion) else 0
        return total

    async def all_streams() -> int:
        await backend.start()
        total = sum(await asyncio.gather(*map(one, asked)))
        await backend.close()
        return total

    return asyncio.run(all_streams())


def alone(engine: LlamaCppEngine, asked: list[list[str]], tokens: int) -> int:
    """Tokens that the streams got from llama.cpp's own server, given ids."""

    def one(questions: list[str]) -> int:
        total = 0
        for question in questions:
            ids = engine.prompt_format.render_prompt([ChatTurn("user", question)])
            reply = engine._server.handle_completions({"prompt": ids, "max_tokens": tokens, "temperature": 0})
            total += reply["usage"]["completion_tokens"] - (reply["choices"][0]["finish_reason"] == "stop")
        return total

    with ThreadPoolExecutor(len(asked)) as threads:
        return sum(threads.map(one, asked))


if __name__ == "__main__":
    main()
