"""Planned and measured memory of every phase of a run, by method.

python benchmarks/training/memory.py

Each row is a run of its own, in a process of its own, on a LLaMA with random weights. A phase is measured as the
highest resident memory of the process between its beginning and its end (``VmHWM``, reset before).
"""

import json
import multiprocessing
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from common.machine import forget_peak_memory, join_free_blocks, peak_memory, processor

if __name__ == "__main__":
    join_free_blocks()  # as training/run.py does

from loguru import logger
from transformers import LlamaConfig, LlamaForCausalLM

from common.command import read_config
from common.files import write_text
from models.config import EmbeddedConfig
from models.embedded import build
from models.loading import load_tokenizer
from models.memory import resident
from models.numerics import instruction_set
from training import chain
from training.memory_plan import MIB, NAMES, MemoryPlan, PhaseName
from training.stages.sft.config import SftConfig

SHAPE = {"hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 4, "num_attention_heads": 6}
VOCABULARY, LARGE_VOCABULARY = 8_000, 152_000
ROWS, WORDS = 96, "头痛发热咳嗽乏力恶心腹痛腹胀心悸气短失眠多梦眩晕耳鸣口渴多饮多尿消瘦便秘腹泻皮疹瘙痒"
RUNS: dict[str, tuple[int, tuple[str, ...]]] = {
    "LoRA": (VOCABULARY, ("method=lora",)),
    "QLoRA": (VOCABULARY, ("method=qlora",)),
    "QLoRA, checkpointing": (VOCABULARY, ("method=qlora", "train.gradient_checkpointing=true")),
    "P-Tuning v2": (VOCABULARY, ("method=ptuning_v2", "train.packing=false")),
    "LoRA, vocabulary of 152,000": (LARGE_VOCABULARY, ("method=lora",)),
}
PHASES: tuple[PhaseName, ...] = ("training", "merge", "evaluation")


def write_rows(path: Path) -> None:
    """Questions and answers of 60 to 200 characters."""
    draw = random.Random(1)
    rows = [
        {"instruction": f"{i}：" + "".join(draw.choices(WORDS, k=40)), "output": "".join(draw.choices(WORDS, k=160))}
        for i in range(ROWS)
    ]
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def write_base(vocabulary: int, tokenizer: Path, directory: Path) -> None:
    """A LLaMA with random weights."""
    config = LlamaConfig(
        vocab_size=vocabulary, num_key_value_heads=SHAPE["num_attention_heads"], max_position_embeddings=1024, **SHAPE
    )
    LlamaForCausalLM(config).save_pretrained(directory)
    load_tokenizer(tokenizer).save_pretrained(directory)


def configuration(folder: Path, vocabulary: int, words: tuple[str, ...]) -> SftConfig:
    """Three steps of 2,048 tokens in float32, eight items of a suite."""
    fixed = (
        *("data=rows", f"source.path={folder}/rows.jsonl", "data.splits={dev: 12, test: 12}", "data.workers=1"),
        *("model=llama", f"model.path={folder}/{vocabulary}", "model.prompt_format=xinglin", "model.dtype=float32"),
        *("train.batch_size=8", "train.max_length=256", "train.precision=fp32", "train.max_steps=3"),
        *("train.learning_rate=1e-2", "train.warmup_share=0", "train.max_dropped_share=1", "threads=1"),
        *("suite.max_items=8", "suite.max_new_tokens=16", "merge.tokens=500", f"runs_dir={folder}/runs", "name=memory"),
    )
    (config,) = read_config("run", [*fixed, *words], SftConfig)
    return config


def measure(folder: Path, name: str) -> None:
    """Runs a chain and writes what was planned and what was measured, in MiB."""
    found: dict[str, dict[str, float]] = {}

    @contextmanager
    def watched(plan: MemoryPlan, phase: PhaseName) -> Iterator[None]:
        forget_peak_memory()
        yield
        if phase in plan.phases:
            found[phase] = {"planned": plan.peak(phase) / MIB, "measured": peak_memory() / MIB}
            found[phase] |= {"process": plan.process / MIB}

    os.environ["XINGLIN_CACHE"] = str(folder / "cache" / name)  # no answers of an earlier run
    chain.memory_errors = watched
    vocabulary, words = RUNS[name]
    chain.run_chain(configuration(folder, vocabulary, words))
    write_text(folder / f"{name}.json", json.dumps(found))


def table(folder: Path) -> str:
    """The table of all runs."""
    lines = ["| method | process | " + " | ".join(NAMES[phase].split()[1] for phase in PHASES) + " |", "|---" * 5 + "|"]
    for name in RUNS:
        found = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        cells = [_cell(found.get(phase)) for phase in PHASES]
        lines.append(f"| {name} | {found['training']['process']:,.0f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(found: dict[str, float] | None) -> str:
    if found is None:
        return "–"
    planned, measured = found["planned"], found["measured"]
    return f"{planned:,.0f} / {measured:,.0f} ({planned / measured - 1:+.0%})"


def about() -> str:
    """What was measured, on what."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "peft", "bitsandbytes"))
    return (
        "# Memory of a run: planned / measured\n\n"
        "Made by `python benchmarks/training/memory.py`: MiB of the whole process at its peak in each phase, as "
        "planned before the base was loaded and as measured, and how far the plan is off. *process* is what the "
        "process takes before training, with libraries; it is part of both.\n\n"
        f"LLaMA of {SHAPE['num_hidden_layers']} layers, hidden size {SHAPE['hidden_size']}, vocabulary "
        f"{VOCABULARY:,} or {LARGE_VOCABULARY:,}, random weights, float32; 2,048 tokens per step, one thread; "
        f"{versions}; {processor()}, {instruction_set()}, {os.confstr('CS_GNU_LIBC_VERSION')}. No GPU was available: "
        "the plan for one is computed in the same way and was not compared.\n\n"
    )


def main() -> None:
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_rows(folder / "rows.jsonl")
        small = EmbeddedConfig(vocab_size=600, hidden_size=64, layers=1, steps=1)
        build([WORDS] * 40, small, folder / "tokenizer")
        for vocabulary in {vocabulary for vocabulary, _ in RUNS.values()}:
            write_base(vocabulary, folder / "tokenizer", folder / str(vocabulary))
        for run in RUNS:
            process = multiprocessing.get_context("fork").Process(target=measure, args=(folder, run))
            process.start()
            process.join()
            print(run, process.exitcode, (folder / f"{run}.json").read_text(), f"{resident() / MIB:.0f}", flush=True)
        write_text(Path(__file__).with_suffix(".md"), about() + table(folder) + "\n")


if __name__ == "__main__":
    main()
