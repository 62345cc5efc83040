"""Measures what kept beginnings and guesses save the local engine on questions that come with entries.

    python benchmarks/serving/engine.py model=DIR|FILE.gguf [streams=1,4] [questions=16] [tokens=64] [asked=copies]

The same questions are asked of one model in each way, the ways in turn, so that other work on the machine slows all of
them alike: ``plain`` (every prompt is read whole, one token per step), ``kept`` (beginnings that prompts share are read
once), ``guessed`` (what followed in the prompt is guessed), ``both``, and ``alone`` (``generate``, one question
after another); ``ways=plain,both`` asks in some of them. Seconds are those of the processor. ``streams`` is how many
questions are answered together. ``asked=copies`` is for a base that has learned no questions: texts of entries, and the
first words of one of them, which it continues.
"""

import itertools
import platform
import statistics
import sys
import time
from typing import Any, NamedTuple

import torch
import transformers

from common.machine import processor
from data_recipes.schema.example import Message
from domains.domain import find_domain
from domains.grounding import write_block
from domains.medical.knowledge_base import KNOWLEDGE
from domains.reading import entries_to_read
from domains.retrieval.retriever import retriever_of
from models.conversation import Continuation, Prompt
from models.engines import decoding
from models.engines.engine import Sampling
from models.engines.local import LocalEngine
from models.hub import locate
from models.loading import load_model, load_prompt_format
from models.numerics import instruction_set
from models.prompt_format import PromptFormat

ASKED = ("{}有哪些症状？", "{}应该挂什么科？", "{}平时要注意什么？", "{}是什么？")
WAYS = {"plain": (0, 0), "kept": (2**29, 0), "guessed": (0, decoding.GUESSED), "both": (2**29, decoding.GUESSED)}
"""Bytes of kept beginnings, and tokens that are guessed for each of few answers."""


class Run(NamedTuple):
    """What one batch took: CPU seconds, tokens read, padding included, passes over the weights, and what was said."""

    seconds: float
    tokens: int
    passes: int
    ids: list[list[int]]


class Counted:
    """Counts what a model reads.

    Attributes:
        tokens: Tokens, padding included.
        passes: Passes over the weights.
    """

    def __init__(self, model: Any) -> None:
        self.tokens = self.passes = 0
        forward = model.forward

        def counting(*arguments: Any, **named: Any) -> Any:
            self.tokens += named["input_ids"].numel()
            self.passes += 1
            return forward(*arguments, **named)

        model.forward = counting


def main() -> None:
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    path, ways = locate(given["model"]), given.get("ways", ",".join([*WAYS, "alone"])).split(",")
    model = load_model(path, dtype=getattr(torch, given.get("dtype", "float32")))
    prompt_format = load_prompt_format(path)
    counted = Counted(model)
    asked = (copies if given.get("asked") == "copies" else questions)(int(given.get("questions", 16)), prompt_format)
    sampling = Sampling(max_new_tokens=int(given.get("tokens", 64)))
    print("| streams | way | CPU seconds | tokens read | passes | same answers |\n|---|---|---|---|---|---|")
    for streams in map(int, given.get("streams", "1,4").split(",")):
        engines = {way: LocalEngine(model, prompt_format, way, WAYS.get(way, (0, 0))[0]) for way in ways}
        for engine in engines.values():
            _ = engine.decoder.output  # tried once
        measured: dict[str, list[Run]] = {way: [] for way in ways}
        for start in range(0, len(asked), streams):
            for way, engine in engines.items():
                decoding.GUESSED = WAYS.get(way, (0, 0))[1]
                tokens, passes, began = counted.tokens, counted.passes, time.process_time()
                ids = (alone if way == "alone" else together)(engine, asked[start : start + streams], sampling)
                spent = time.process_time() - began
                measured[way].append(Run(spent, counted.tokens - tokens, counted.passes - passes, ids))
        for way, runs in measured.items():
            show(streams, way, runs, measured["plain"])
    print(
        f"\nSeconds, tokens and passes as shares of plain. {len(asked)} questions, at most {sampling.max_new_tokens} "
        f"tokens each; {path.name}, {given.get('dtype', 'float32')}; {torch.get_num_threads()} threads, {processor()}, "
        f"{instruction_set()}, {platform.machine()}; torch {torch.__version__}, transformers {transformers.__version__}"
    )


def copies(count: int, prompt_format: PromptFormat) -> list[Prompt]:
    """Texts of three entries, and the beginning of one of them."""
    texts = [
        f"{entry.name}的{name}有{'、'.join(items)}。"
        for entry in KNOWLEDGE.load().entries
        for name, items in entry.attributes.items()
        if items
    ]
    asked: list[Prompt] = []
    for place in range(count):
        of_three = texts[3 * (place // 4) :][:3]
        of_three.append(of_three[place % 3][:8])
        asked.append(Continuation(tuple(prompt_format.encode("".join(of_three), beginning=True))))
    return asked


def questions(count: int, prompt_format: PromptFormat) -> list[Prompt]:
    """Questions about entries, four about each, as people ask on; each behind what the service lets a model read."""
    domain, knowledge = find_domain("medical"), KNOWLEDGE.load()
    retriever = retriever_of(knowledge)
    wording = itertools.cycle(ASKED)
    entries = knowledge.entries[:: max(1, len(ASKED) * len(knowledge.entries) // count)]
    asked: list[Prompt] = []
    for name in [entry.name for entry in entries for _ in ASKED][:count]:
        question = next(wording).format(name)
        read = entries_to_read(retriever.retrieve(question, []), question, domain.asked_for, 3, 4)
        asked.append([Message(role="system", content=write_block(read).text), Message(role="user", content=question)])
    return asked


def together(engine: LocalEngine, batch: list[Prompt], sampling: Sampling) -> list[list[int]]:
    """Token ids of the answers, without the tokens that ended them."""
    rows = [engine._row(prompt, sampling, None) for prompt in batch]
    engine.decoder.run(rows)
    return [row.ids for row in rows]


def alone(engine: LocalEngine, batch: list[Prompt], sampling: Sampling) -> list[list[int]]:
    """The same by transformers' own greedy search, one after another."""
    answers = []
    for prompt in batch:
        ids = torch.tensor([engine.prompt_ids(prompt)])
        said = engine.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=sampling.max_new_tokens,
            do_sample=False,
            repetition_penalty=1.0,
            eos_token_id=list(engine.stop_ids),
        )
        answers.append([token for token in said[0, ids.shape[1] :].tolist() if token not in engine.stop_ids])
    return answers


def show(streams: int, way: str, runs: list[Run], plain: list[Run]) -> None:
    """Prints a line: the median of the ratios of each batch, and sums of what was counted."""
    ratio = statistics.median(one.seconds / other.seconds for one, other in zip(runs, plain, strict=True))
    read = sum(one.tokens for one in runs) / sum(other.tokens for other in plain)
    passes = sum(one.passes for one in runs) / sum(other.passes for other in plain)
    pairs = [pair for one, other in zip(runs, plain, strict=True) for pair in zip(one.ids, other.ids, strict=True)]
    same, said = sum(ids == others for ids, others in pairs), sum(len(ids) for ids, _ in pairs)
    shares = f"{ratio:.2f} | {read:.2f} | {passes:.2f}"
    print(f"| {streams} | {way} | {shares} | {same} of {len(pairs)} ({said} tokens) |", flush=True)


if __name__ == "__main__":
    main()
