"""Training step at 4,096 tokens: ALiBi in extra channels against LLaMA's rotary positions and against a mask.

    python benchmarks/alibi_attention.py              writes benchmarks/alibi_attention.md
    python benchmarks/alibi_attention.py length=1024  a quick look

The blocks have the head size of Baichuan-13B and fewer heads and layers. The third variant is what the original code
does: a bias of ``[heads, seq, seq]`` added through the attention mask. Each variant runs in its own process, and
they take turns.
"""

import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from common.files import write_text
from common.machine import peak_memory
from models.families.baichuan_alibi import BaichuanAlibiConfig, BaichuanAlibiForCausalLM, alibi_slopes

SHAPE = {
    **{"vocab_size": 2000, "hidden_size": 1024, "intermediate_size": 2752, "num_hidden_layers": 2},
    **{"num_attention_heads": 8, "max_position_embeddings": 8192},
}
VARIANTS = ("rotary (LLaMA)", "ALiBi in extra channels", "ALiBi as a mask")
ROUNDS = 3


def build(variant: str, length: int) -> tuple[PreTrainedModel, dict[str, torch.Tensor]]:
    """The model of a variant and what it is given besides the ids."""
    torch.manual_seed(0)
    if variant == "ALiBi in extra channels":
        return BaichuanAlibiForCausalLM(BaichuanAlibiConfig(**SHAPE)), {}
    model = LlamaForCausalLM(LlamaConfig(**SHAPE))
    if variant == "rotary (LLaMA)":
        return model, {}
    slopes = torch.tensor(alibi_slopes(SHAPE["num_attention_heads"]))
    distance = torch.arange(length)[None, :] - torch.arange(length)[:, None]
    bias = slopes[:, None, None] * distance
    return model, {"attention_mask": bias.masked_fill(distance > 0, torch.finfo(torch.float32).min)[None]}


def measure(variant: str, length: int) -> None:
    """One warm-up step, one timed step; prints seconds and the peak of resident memory in MB."""
    model, more = build(variant, length)
    ids = torch.randint(0, SHAPE["vocab_size"], (1, length))
    for _ in range(2):
        started = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            masks = {name: mask.bfloat16() for name, mask in more.items()}
            model(input_ids=ids, labels=ids, use_cache=False, **masks).loss.backward()
        seconds = time.perf_counter() - started
    print(seconds, peak_memory() / 2**20)


def main(length: int) -> None:
    taken: dict[str, list[tuple[float, float]]] = {variant: [] for variant in VARIANTS}
    for _ in range(ROUNDS):
        for variant in VARIANTS:
            command = [sys.executable, __file__, f"measure={variant}", str(length)]
            done = subprocess.run(
                command, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": "."}
            )
            seconds, peak = map(float, done.stdout.splitlines()[-1].split())
            taken[variant].append((seconds, peak))
    first = median(seconds for seconds, _ in taken[VARIANTS[0]])
    rows = [
        f"| {variant} | {median(s for s, _ in runs):.2f} s | {median(s for s, _ in runs) / first:.2f} "
        f"| {median(p for _, p in runs):,.0f} MB |"
        for variant, runs in taken.items()
    ]
    about = (
        f"# ALiBi at {length:,} tokens\n\nMade by `python benchmarks/alibi_attention.py length={length}`: forward and"
        f" backward of one sequence, bfloat16 autocast, {SHAPE['num_hidden_layers']} layers of {SHAPE['hidden_size']}"
        f" with {SHAPE['num_attention_heads']} heads; median of {ROUNDS} runs taken in turns; torch {version('torch')},"
        f" transformers {version('transformers')}, {os.cpu_count()} CPU cores, {platform.machine()}, no GPU. Memory is"
        " the peak of the whole process.\n\n| attention | step | relative | peak |\n|---|---|---|---|\n"
    )
    write_text(Path(__file__).with_suffix(".md"), about + "\n".join(rows) + "\n")
    print("\n".join(rows))


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1].startswith("measure="):
        measure(sys.argv[1].removeprefix("measure="), int(sys.argv[2]))
    else:
        main(int(dict(word.split("=") for word in sys.argv[1:]).get("length", 4096)))
