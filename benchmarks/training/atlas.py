"""Every tuning method at equal tokens, each at its own best rate: gain, forgetting, memory, seconds, what serves it.

    python benchmarks/training/atlas.py out=DIR                          all methods of configs/method/
    python benchmarks/training/atlas.py out=DIR methods=lora,ia3 KEY=VALUE …    some; any key of training/run.py

A method is run by the command that its file opens with, at a third, one and three times the learning rate of that
command; the dev loss chooses, and the held-out questions are read once, by the chosen run. All see the same examples in
the same batches (nothing is packed: prefixes cannot be). Each run leaves its figures in ``out``; what is there already
is not run again. It writes benchmarks/training/atlas.md.
"""

import re
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from loguru import logger

from common.command import read_config
from common.errors import Refused, UserError
from common.files import read_json, write_json, write_text
from common.groups import CONFIGS, options_of
from common.machine import processor
from data_recipes.pipeline import build as datasets_of
from data_recipes.schema.example import TEXT, Message
from domains.domain import find_domain
from models.beside_base import on_base
from models.conversation import Conversation
from models.engines.local import LocalEngine
from models.loading import load_model
from models.memory import release
from models.numerics import compute_dtype, instruction_set
from models.run_directory import RunDirectory, read_metrics
from training.memory_plan import GIB
from training.provenance import Provenance
from training.stages.sft.config import SftConfig
from training.stages.sft.job import SftJob

POINTS = (1 / 3, 1.0, 3.0)
LEFT_OUT = ("qlora_small",)  # qlora with fewer layers' worth of memory, for small models
TESTED, READ_BEFORE, AT_ONCE = 200, 100, 8
EQUAL = (
    *("data=medical", "data.splits.train=2000", "train.packing=false", "train.batch_size=16", "train.epochs=2"),
    *("train.max_dropped_share=1", "train.eval_steps=100000", "train.save_steps=100000", "train.log_steps=100000"),
)
PAGE = Path(__file__).with_suffix(".md")
SERVED_BY = {
    "mergeable": "all, once merged",
    "whole": "all",
    "beside_base": "the local engine",
}
"""By what a method's result is: which engines run it."""


def main(arguments: list[str]) -> None:
    """Runs what is missing, and writes the page."""
    own = dict(word.split("=", 1) for word in arguments if word.startswith(("out=", "methods=")))
    words = [word for word in arguments if not word.startswith(("out=", "methods="))]
    methods = own["methods"].split(",") if "methods" in own else [m for m in options_of("method") if m not in LEFT_OUT]
    out = Path(own["out"])
    found = {method: [measured(out, method, point, words) for point in POINTS] for method in methods}
    typed = [word for word in arguments if not word.startswith("out=")]
    write_text(PAGE, page(found, " ".join(["python benchmarks/training/atlas.py out=DIR", *typed])))


def measured(out: Path, method: str, point: float, words: Sequence[str]) -> dict[str, Any]:
    """The figures of one run; of one that cannot be done, why."""
    file = out / f"{method}-{point:.2f}.json"
    if not file.is_file():
        try:
            figures = trained(out, method, point, words)
        except (UserError, Refused) as error:
            figures = {"refused": str(error).splitlines()[0]}
            logger.warning("{} at {:.2f}: {}", method, point, figures["refused"])
        write_json(file, figures)
    values: dict[str, Any] = read_json(file)
    return values


def opening(method: str) -> list[str]:
    """The words of the command that the method's file opens with."""
    first = (CONFIGS / "method" / f"{method}.yaml").read_text(encoding="utf-8").splitlines()[0]
    found = re.fullmatch(r"# python training/run\.py (.+)", first)
    assert found, first
    return [*found[1].split(), f"method={method}"]


def trained(out: Path, method: str, point: float, words: Sequence[str]) -> dict[str, Any]:
    """Trains at a multiple of the method's own rate; then reads held-out answers, and what the base had read."""
    fixed = (*EQUAL, *words, f"runs_dir={out}/runs", f"name=atlas-{method}-{point:.2f}")
    (config,) = read_config("run", [*opening(method), *fixed], SftConfig)
    rate = point * config.train.rate
    config = config.model_copy(update={"train": config.train.model_copy(update={"learning_rate": rate})})
    job = SftJob(config, datasets_of.load(datasets_of.build_or_reuse(config.data, config.source)))
    job.prepare()
    plan = job.plan()
    run = RunDirectory.create(config.runs_dir, config.name, config)
    Provenance.of(job).save(run)
    started = time.perf_counter()
    job.train(run)
    seconds = time.perf_counter() - started
    release()
    (dev,) = [line["dev_loss"] for line in read_metrics(run.metrics_file) if "dev_loss" in line][-1:]
    before, after = (losses(job, engine) for engine in (_engine(job, None), _engine(job, job.trained(run))))
    return {
        "rate": rate,
        "dev_loss": dev,
        "before": before,
        "after": after,
        "share": _share(job),
        "gib": plan.phases["training"].needed / GIB,
        "seconds": seconds,
        "result": job.method.result,
        "supervised_tokens": job.trained_on["train"].supervised_tokens,
    }


def losses(job: SftJob, engine: LocalEngine) -> dict[str, float]:
    """Nats per token of held-out answers, and of the prose that the base was made from."""
    held_out = [example.messages for example in job.dataset.splits["heldout_phrasing"][:TESTED]]
    prose = find_domain(job.config.domain).prose()
    step = max(1, len(prose) // READ_BEFORE)
    read = [(Message(role=TEXT, content=text),) for text in prose[::step][:READ_BEFORE]]
    return {"held_out": _loss(engine, held_out), "prose": _loss(engine, read)}


def _loss(engine: LocalEngine, texts: Sequence[Conversation]) -> float:
    scores = [score for at in range(0, len(texts), AT_ONCE) for score in engine.score(texts[at : at + AT_ONCE])]
    return -sum(score.logprob for score in scores) / sum(score.tokens for score in scores)


def _engine(job: SftJob, trained: Path | None) -> LocalEngine:
    """The base, or what was trained, with the base quantised as in training."""
    base, config = job.language_model, job.config
    dtype = compute_dtype(config.model.dtype).dtype
    if trained is None:
        return LocalEngine(base.load(dtype), base.prompt_format, "base")
    if job.method.result == "whole":
        return LocalEngine(load_model(trained, dtype=dtype), base.prompt_format, "tuned")
    tuned = on_base(base.load(dtype, config.method.quantisation), trained)
    return LocalEngine(tuned, base.prompt_format, "tuned")


def _share(job: SftJob) -> float:
    """Trained values for each of the base's."""
    shapes = job.language_model.shapes(torch.float32)
    weights = sum(values.numel() for values in shapes.parameters())
    tuned = job.method.attach(shapes, job.config.method)
    return sum(values.numel() for values in tuned.parameters() if values.requires_grad) / weights


def page(found: dict[str, list[dict[str, Any]]], command: str) -> str:
    """The table, the largest gain first."""
    done = {method: [one for one in points if "refused" not in one] for method, points in found.items()}
    best = {method: min(points, key=lambda one: one["dev_loss"]) for method, points in done.items() if points}
    order = sorted(best, key=lambda method: gain(best[method]), reverse=True)
    most = gain(best[order[0]]) if order else 0.0
    lines = [line(method, best[method], found[method], most) for method in order]
    refused = [f"- `{method}`: {found[method][0]['refused']}" for method in found if method not in best]
    tokens = next((one["supervised_tokens"] for one in best.values()), 0)
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "peft", "bitsandbytes"))
    return "\n".join(
        [
            "# Atlas of the tuning methods",
            "",
            f"`{command}`",
            "",
            f"{processor()} ({instruction_set()}), {versions}.",
            f"{tokens:,} supervised tokens an epoch, the same batches for all. Gain: how much less held-out answers",
            "cost, nats per token, and its share of the largest. Forgetting: how much more the prose costs that the",
            "base was made from. GiB: planned for training. Seconds: of the training, by the clock, on a machine that",
            "may have had other work. One seed; the dev loss chose the rate of three; ≥ or ≤: it is at an end of them.",
            "",
            "| method | rate | trained | gain | of the largest | forgetting | GiB | seconds | served by |",
            "|---|---|---|---|---|---|---|---|---|",
            *lines,
            "",
            *(["Not run:", "", *refused, ""] if refused else []),
        ]
    )


def gain(one: dict[str, Any]) -> float:
    """Nats per token that held-out answers cost less."""
    return float(one["before"]["held_out"] - one["after"]["held_out"])


def line(method: str, one: dict[str, Any], points: Sequence[dict[str, Any]], most: float) -> str:
    """A row; a rate at the end of the sweep is marked, the best one may be beyond it."""
    ends = {id(points[0]): " ≤", id(points[-1]): " ≥"} if len(points) > 1 else {}
    forgotten = one["after"]["prose"] - one["before"]["prose"]
    share = f"{gain(one) / most:.0%}" if most > 0 else ""
    return (
        f"| `{method}` | {one['rate']:.1e}{ends.get(id(one), '')} | {one['share']:.2%} | {gain(one):.3f} | {share} |"
        f" {forgotten:+.3f} | {one['gib']:.2f} | {one['seconds']:.0f} | {SERVED_BY[one['result']]} |"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
