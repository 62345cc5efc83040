"""What each compute type costs on this machine compared to float32, and what two threads gain next to other work.

    python benchmarks/numerics.py        writes benchmarks/numerics.md

Products, one training step of a small LLaMA under autocast, and an NF4 layer forward and backward, in float32, bfloat16
and float16, taken in turns; then steps with one and two threads, alone and beside a busy process. Medians.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import torch
from bitsandbytes.nn import Linear4bit
from transformers import LlamaConfig, LlamaForCausalLM

from common.files import write_text
from common.machine import processor
from models.numerics import compute_dtype, instruction_set

TYPES = (torch.float32, torch.bfloat16, torch.float16)
ROUNDS = 5
BUSY = "while True: pass"


def main() -> None:
    """Measures and writes the page."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rows = []
    for name, make in (
        ("product 512 × 512 × 512", product),
        ("training step, LLaMA of 1.6 M, 256 tokens", step),
        ("NF4 layer 512 × 1408, 256 tokens, forward and backward", nf4_layer),
    ):
        times = in_turns([make(dtype) for dtype in TYPES])
        factors = " | ".join(f"{seconds * 1e3:.1f} ms ({seconds / times[0]:.1f} ×)" for seconds in times)
        rows.append(f"| {name} | {factors} |")
    table = "| one thread | float32 | bfloat16 | float16 |\n|---|---|---|---|\n" + "\n".join(rows)
    text = (
        "# Types and threads on a CPU\n\n"
        f"Made by `python benchmarks/numerics.py` on {processor()}: {instruction_set()}; torch {version('torch')}, "
        f"bitsandbytes {version('bitsandbytes')}. `auto` takes {compute_dtype()}. Medians of {ROUNDS} rounds in turns; "
        f"brackets: beside float32.\n\n{table}\n\n{threads()}\n"
    )
    write_text(Path(__file__).with_suffix(".md"), text)
    print(text)


def in_turns(works: list[Callable[[], object]]) -> list[float]:
    """Median seconds of each, measured in turns so that other work on the machine affects all equally."""
    times: list[list[float]] = [[] for _ in works]
    for work in works:
        work()
    for _ in range(ROUNDS):
        for work, taken in zip(works, times, strict=True):
            started = time.perf_counter()
            work()
            taken.append(time.perf_counter() - started)
    return [statistics.median(taken) for taken in times]


def product(dtype: torch.dtype) -> Callable[[], object]:
    """A matrix product."""
    left, right = (torch.randn(512, 512).to(dtype) for _ in range(2))
    return lambda: left @ right


def step(dtype: torch.dtype) -> Callable[[], object]:
    """Forward and backward of a model of the embedded base's size under autocast."""
    shape = LlamaConfig(
        vocab_size=8000, hidden_size=128, intermediate_size=320, num_hidden_layers=3, num_attention_heads=4
    )
    model, ids = LlamaForCausalLM(shape), torch.randint(8000, (2, 128))

    def work() -> None:
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            loss = model(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()

    return work


def nf4_layer(dtype: torch.dtype) -> Callable[[], object]:
    """A linear layer in 4 bits, computing in a type."""
    layer = Linear4bit(512, 1408, bias=False, compute_dtype=dtype, quant_type="nf4").to("cpu")
    hidden = torch.randn(256, 512, dtype=dtype, requires_grad=True)
    return lambda: layer(hidden).sum().backward()


def threads() -> str:
    """Steps with one and two threads, alone and beside a process that never rests."""
    work = step(torch.float32)
    rows = []
    for name, others in (("alone", 0), ("beside one busy process", 1)):
        busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(others)]
        try:
            times = in_turns([with_threads(number, work) for number in (1, 2)])
        finally:
            for process in busy:
                process.kill()
        rows.append(f"| {name} | {times[0] * 1e3:.0f} ms | {times[1] * 1e3:.0f} ms |")
    return "| a training step | one thread | two threads |\n|---|---|---|\n" + "\n".join(rows)


def with_threads(number: int, work: Callable[[], object]) -> Callable[[], object]:
    """The same work, ten times, with a number of threads."""

    def repeated() -> None:
        torch.set_num_threads(number)
        for _ in range(10):
            work()

    return repeated


if __name__ == "__main__":
    main()
