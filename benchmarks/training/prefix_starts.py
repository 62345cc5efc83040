"""What P-Tuning v2 learns from different starts, lengths and learning rates, next to QLoRA at the same rows.

python benchmarks/training/prefix_starts.py [steps=300] [rows=16] [only=text]

The recipe ``medical_ptuning_v2`` on the embedded base, stopped after some steps: dev losses, nats per supervised token.
"""

import sys
import tempfile
from pathlib import Path

from loguru import logger

from common.command import read_config
from data_recipes.pipeline.build import build_or_reuse, load
from models.run_directory import RunDirectory, read_metrics
from training.stages.sft.config import SftConfig
from training.stages.sft.job import SftJob

CASES: dict[str, tuple[str, ...]] = {
    "128 random tokens, rate 0.2 (the recipe)": (),
    "64 random tokens, 0.05 (the recipe before)": ("method.prefix_length=64", "train.learning_rate=0.05"),
    "64 random tokens, 0.15": ("method.prefix_length=64", "train.learning_rate=0.15"),
    "64 random tokens, 0.5": ("method.prefix_length=64", "train.learning_rate=0.5"),
    "128 tokens of text, 0.2": ("method.start=text",),
    "256 random tokens, 0.2": ("method.prefix_length=256",),
    "512 random tokens, 0.05": ("method.prefix_length=512", "train.learning_rate=0.05"),
    "a network makes 64, 0.005": ("method=prefix_tuning", "train.learning_rate=0.005"),
    "QLoRA, rank 32, 0.004": ("method=qlora_small", "train.learning_rate=0.004"),
}


def dev_losses(words: tuple[str, ...], steps: int, rows: int, folder: Path) -> dict[int, float]:
    """Dev losses by step."""
    fixed = (
        *("recipe=medical_ptuning_v2", f"train.max_steps={steps}", f"train.batch_size={rows}", f"runs_dir={folder}"),
        *(f"train.eval_steps={steps}", "train.save_steps=100000", "train.log_steps=100"),
    )
    (config,) = read_config("run", [*fixed, *words], SftConfig)
    job = SftJob(config, load(build_or_reuse(config.data, config.source)))
    job.prepare()
    run = RunDirectory.create(folder, config.name, config)
    job.train(run)
    return {line["step"]: line["dev_loss"] for line in read_metrics(run.metrics_file) if "dev_loss" in line}


def main() -> None:
    """Prints a table."""
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    steps, rows = int(given.get("steps", 300)), int(given.get("rows", 16))
    logger.remove()
    for name, words in CASES.items():
        if given.get("only", "") not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            losses = dev_losses(words, steps, rows, Path(folder))
        print(f"| {name} | {' | '.join(f'{step}: {loss:.3f}' for step, loss in losses.items())} |", flush=True)


main()
