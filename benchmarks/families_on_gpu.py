"""QLoRA and P-Tuning v2 on the published shapes with random weights, on a GPU: tokens/s and peak memory.

    python benchmarks/families_on_gpu.py                      writes benchmarks/families_on_gpu.md
    python benchmarks/families_on_gpu.py layers=1 steps=2 length=64    whether it runs at all, also without a GPU

A checkpoint in original layout is written to disk (up to 27 GB), loaded in NF4, and trained on random tokens in rows
of 2,048 with gradient checkpointing, through the project's own methods.
"""

import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import torch
from model_loading import write_checkpoint
from peft import PeftModel

from common.files import write_text
from models.config import Hints
from models.loading import load_model
from training.methods.lora import Lora, LoraConfig
from training.methods.ptuning_v2 import PTuningV2, PTuningV2Config

LAYERS = {"chatglm2": 28, "baichuan2": 32, "baichuan_13b": 40}
METHODS = ("QLoRA, rank 16", "P-Tuning v2, 128 tokens")


def prepared(directory: Path, method: str, hints: Hints) -> PeftModel:
    """The NF4 base with an adapter; as in a run, base weights are frozen and the adapter is float32."""
    model = load_model(directory, dtype=torch.bfloat16, quantisation="nf4", hints=hints)
    model.train()
    if method.startswith("P-Tuning"):  # peft: no gradient checkpointing with a prefix
        return PTuningV2().attach(model, PTuningV2Config(quantisation="nf4", prefix_length=128))
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.enable_input_require_grads()
    return Lora().attach(model, LoraConfig(quantisation="nf4", rank=16, alpha=32))


def train(model: PeftModel, steps: int, length: int) -> float:
    """Trains on random tokens and returns tokens per second, without the first step."""
    device = model.device
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    generator = torch.Generator().manual_seed(0)
    started = 0.0
    for step in range(steps + 1):
        if step == 1:
            started = _now()
        ids = torch.randint(3, model.config.vocab_size, (1, length), generator=generator).to(device)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return steps * length / (_now() - started)


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def main(layers: int | None, steps: int, length: int) -> None:
    rows = []
    for name, published in LAYERS.items():
        hints = Hints(norm_head=name == "baichuan2")
        with tempfile.TemporaryDirectory() as folder:
            write_checkpoint(name, layers or published, "safetensors", Path(folder), native=False)
            for method in METHODS:
                if torch.cuda.is_available():
                    torch.cuda.reset_peak_memory_stats()
                model = prepared(Path(folder), method, hints)
                speed = train(model, steps, length)
                peak = torch.cuda.max_memory_allocated() / 1e9 if torch.cuda.is_available() else float("nan")
                rows.append(f"| {name} | {layers or published} | {method} | {speed:,.0f} | {peak:.1f} GB |")
                print(rows[-1], flush=True)
                del model
    if not torch.cuda.is_available():
        print("no GPU here: nothing is written")
        return
    about = (
        f"# Families on a GPU\n\nMade by `python benchmarks/families_on_gpu.py`: {torch.cuda.get_device_name()}, torch"
        f" {version('torch')}, transformers {version('transformers')}, peft {version('peft')}, bitsandbytes"
        f" {version('bitsandbytes')}; NF4, bfloat16, rows of {length:,} tokens, batch 1, {steps} steps.\n\n"
        "| model | layers | method | tokens/s | peak memory |\n|---|---|---|---|---|\n"
    )
    write_text(Path(__file__).with_suffix(".md"), about + "\n".join(rows) + "\n")


if __name__ == "__main__":
    given = {key: int(value) for key, value in (word.split("=") for word in sys.argv[1:])}
    main(given.get("layers"), given.get("steps", 50), given.get("length", 2048))
