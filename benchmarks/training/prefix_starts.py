"""What P-Tuning v2 learns from different starts, lengths and learning rates, next to QLoRA at the same rows.

python benchmarks/training/prefix_starts.py [steps=300] [rows=16] [only=text]

The recipe ``medical_ptuning_v2`` on the embedded base, stopped after some steps: dev losses, nats per supervised token.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from loguru import logger

from common.command import read_config
from data_recipes.pipeline.build import build_or_reuse, load
from models.run_directory import RunDirectory, read_metrics
from training.stages.sft.config import SftConfig
from training.stages.sft.job import SftJob

PREFIX = ("method=ptuning_v2",)
CASES: dict[str, tuple[str, ...]] = {
    "random tokens, 64, 5e-2 (the recipe)": ("method.start=random",),
    "text, 64, 5e-2": ("method.start=text",),
    "text, 64, 2e-2": ("method.start=text", "train.learning_rate=2e-2"),
    "random tokens, 256, 5e-2": ("method.start=random", "method.prefix_length=256"),
    "text, 256, 5e-2": ("method.start=text", "method.prefix_length=256"),
    "text, 256, 2e-2": ("method.start=text", "method.prefix_length=256", "train.learning_rate=2e-2"),
    "network of 512, 64, 1e-3": ("method=prefix_tuning", "train.learning_rate=1e-3"),
    "network of 512, 64, 5e-3": ("method=prefix_tuning", "train.learning_rate=5e-3"),
    "QLoRA, rank 32, 4e-3": ("method=qlora_small", "train.learning_rate=4e-3"),
    "prompt tuning from text, 64, 5e-2": ("method=prompt_tuning",),
}


def dev_losses(words: tuple[str, ...], steps: int, rows: int, folder: Path) -> tuple[dict[int, float], int, float]:
    """Dev losses by step, trained values, and seconds of training."""
    fixed = (
        *("recipe=medical_ptuning_v2", f"train.max_steps={steps}", f"train.batch_size={rows}", f"runs_dir={folder}"),
        *(f"train.eval_steps={max(1, steps // 3)}", "train.save_steps=100000", "train.log_steps=100"),
    )
    (config,) = read_config("run", [*fixed, *words], SftConfig)
    job = SftJob(config, load(build_or_reuse(config.data, config.source)))
    job.prepare()
    run = RunDirectory.create(folder, config.name, config)
    started = time.monotonic()
    job.train(run)
    seconds = time.monotonic() - started
    losses = {line["step"]: line["dev_loss"] for line in read_metrics(run.metrics_file) if "dev_loss" in line}
    values = json.loads((job.trained(run) / "adapter_config.json").read_text())
    return losses, values.get("num_virtual_tokens") or values.get("r"), seconds


def main() -> None:
    """Prints a table."""
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    steps, rows = int(given.get("steps", 300)), int(given.get("rows", 16))
    logger.remove()
    for name, words in CASES.items():
        if given.get("only", "") not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            losses, _, seconds = dev_losses(words, steps, rows, Path(folder))
        print(
            f"| {name} | {' | '.join(f'{step}: {loss:.3f}' for step, loss in losses.items())} | {seconds:.0f} s |",
            flush=True,
        )


main()
