"""How far ``train.learning_rate=auto`` is from the best of a five-point sweep around it: held-out loss, by size.

    python benchmarks/training/auto.py out=DIR                    the embedded base, three sizes of the training split
    python benchmarks/training/auto.py out=DIR sizes=400 KEY=VALUE …    one size; any key of training/run.py

The points are a quarter, a half, one, two and four times the rate that ``auto`` chooses. Each run leaves its figures in
``out``; what is there already is not run again. It writes benchmarks/training/auto.md.
"""

import sys
from importlib.metadata import version
from pathlib import Path

from common.command import read_config
from common.files import read_json, write_json, write_text
from common.machine import processor
from data_recipes.pipeline import build as datasets_of
from models.beside_base import on_base
from models.engines.local import LocalEngine
from models.memory import release
from models.numerics import compute_dtype, instruction_set
from models.run_directory import RunDirectory
from training.provenance import Provenance
from training.stages.sft.config import SftConfig
from training.stages.sft.job import SftJob

POINTS = (0.25, 0.5, 1.0, 2.0, 4.0)
SIZES = (500, 2000, 8000)
TESTED, AT_ONCE = 200, 8
DEFAULTS = (
    *("recipe=medical_qlora", "method=lora", "train.epochs=1", "train.eval_steps=100000", "train.save_steps=100000"),
    *("train.log_steps=100000", "train.max_dropped_share=1"),
)
PAGE = Path(__file__).with_suffix(".md")
ALLOWED = 0.02
"""Share of the best loss by which that of ``auto`` may be higher."""


def main(arguments: list[str]) -> None:
    """Runs what is missing, and writes the page."""
    own = dict(word.split("=", 1) for word in arguments if word.startswith(("out=", "sizes=")))
    words = [word for word in arguments if not word.startswith(("out=", "sizes="))]
    sizes = [int(size) for size in own["sizes"].split(",")] if "sizes" in own else list(SIZES)
    found = {size: [measured(Path(own["out"]), words, size, point) for point in POINTS] for size in sizes}
    write_text(PAGE, page(found, " ".join(["python benchmarks/training/auto.py out=DIR", *arguments[1:]])))


def measured(out: Path, words: list[str], size: int, point: float) -> dict[str, float]:
    """The figures of one run: its learning rate, steps and held-out loss in nats per token."""
    file = out / f"{size}-{point}.json"
    if not file.is_file():
        write_json(file, trained(out, words, size, point))
    values: dict[str, float] = read_json(file)
    return values


def trained(out: Path, words: list[str], size: int, point: float) -> dict[str, float]:
    """Trains with a multiple of the rate that ``auto`` chooses, and reads the held-out answers."""
    fixed = (f"data.splits.train={size}", f"runs_dir={out}/runs", f"name=auto-{size}-{point}")
    (config,) = read_config("run", [*DEFAULTS, *words, *fixed, "train.learning_rate=auto"], SftConfig)
    job = SftJob(config, datasets_of.load(datasets_of.build_or_reuse(config.data, config.source)))
    job.prepare()
    rate = point * job.config.train.rate
    train = job.config.train.model_copy(update={"learning_rate": rate})
    job.config = job.config.model_copy(update={"train": train})
    job.training = job.training.model_copy(update={"learning_rate": rate})
    run = RunDirectory.create(config.runs_dir, config.name, job.config)
    Provenance.of(job).save(run)
    job.train(run)
    release()
    base = job.language_model
    model = on_base(base.load(compute_dtype(config.model.dtype).dtype), job.trained(run))
    engine = LocalEngine(model, base.prompt_format, "tuned")
    tested = [example.messages for example in job.dataset.splits["heldout_phrasing"][:TESTED]]
    scores = [score for at in range(0, len(tested), AT_ONCE) for score in engine.score(tested[at : at + AT_ONCE])]
    loss = -sum(score.logprob for score in scores) / sum(score.tokens for score in scores)
    return {"rate": rate, "rows": len(job.rows["train"]), "loss": loss}


def page(found: dict[int, list[dict[str, float]]], command: str) -> str:
    """The table, with how far ``auto`` is from the best point."""
    head = " | ".join(f"{point:g}×" for point in POINTS)
    lines = []
    for size, points in found.items():
        losses = [one["loss"] for one in points]
        auto = points[POINTS.index(1.0)]
        regret = auto["loss"] / min(losses) - 1
        shown = " | ".join(f"{loss:.4f}" for loss in losses)
        lines.append(f"| {size} | {auto['rate']:.2e} | {shown} | {regret:+.1%}{'' if regret <= ALLOWED else ' ✗'} |")
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "peft"))
    return "\n".join(
        [
            "# `train.learning_rate=auto` beside a sweep",
            "",
            f"`{command}`",
            "",
            f"{processor()} ({instruction_set()}), {versions}. Held-out loss in nats per token, of {TESTED}",
            "questions in wordings that training does not have; one seed. ✗: more than "
            f"{ALLOWED:.0%} above the best point.",
            "",
            f"| training examples | auto | {head} | auto above the best |",
            f"|---|---|{'---|' * (len(POINTS) + 1)}",
            *lines,
            "",
        ]
    )


if __name__ == "__main__":
    main(sys.argv[1:])
