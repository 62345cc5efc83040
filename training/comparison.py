"""Runs side by side: what each is, how far it is, how well it does, and which settings differ."""

import math
import statistics
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from common.errors import UserError
from eval.report.schema import Report, shown, shown_interval
from eval.report.wording import headlines
from models.run_directory import CONFIG_FILE, RunDirectory, read_metrics
from training.resume import is_finished
from training.stages import by_dotted_key, config_values

TEMPLATE = Path(__file__).parent / "comparison.html"
NONE = "–"
WIDTH, HEIGHT, MARGIN = 720, 320, 48  # of the plot, in pixels
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
"""Told apart by everyone (Okabe and Ito); further runs reuse them, with a dashed line."""


@dataclass(frozen=True)
class ComparedRun:
    """What is known about a run.

    Attributes:
        name: The last two parts of its directory: ``NAME/TIME``.
        state: How far it is.
        settings: Its configuration, by dotted keys.
        metrics: The lines of ``metrics.jsonl``.
        report: None before it was evaluated.
    """

    name: str
    state: str
    settings: Mapping[str, Any]
    metrics: Sequence[Mapping[str, Any]]
    report: Report | None

    @property
    def dev_losses(self) -> dict[int, float]:
        """The dev losses that are numbers, by step."""
        found = {line["step"]: line["dev_loss"] for line in self.metrics if "dev_loss" in line}
        return {step: loss for step, loss in found.items() if math.isfinite(loss)}

    def last(self, key: str) -> Any:
        """The last value that was logged; None where there is none."""
        return next((line[key] for line in reversed(self.metrics) if line.get(key) is not None), None)

    def setting(self, *keys: str) -> str:
        """The first of these settings that the run has."""
        return next((str(self.settings[key]) for key in keys if self.settings.get(key) is not None), NONE)


@dataclass(frozen=True)
class ComparedLine:
    """One line of a table: a name, and a cell per run."""

    name: str
    cells: Sequence[str]


def read_run(path: Path) -> ComparedRun:
    """Reads a run, finished or not.

    Raises:
        UserError: There is no run, or its configuration or report is damaged.
    """
    run = RunDirectory(path)
    if not path.is_dir():
        raise UserError("no such directory", where=str(path), fix="give a run: runs/NAME/TIME")
    if not run.config_file.is_file():
        below = sorted(file.parent for file in path.glob(f"**/{CONFIG_FILE}"))
        fix = f"give one of its {len(below)} runs, e.g. {below[-1]}" if below else "give a run: runs/NAME/TIME"
        raise UserError(f"this is no run ({CONFIG_FILE} is missing)", where=str(path), fix=fix)
    report = run.report / "report.json"
    return ComparedRun(
        name="/".join(path.resolve().parts[-2:]),
        state="完成 finished" if is_finished(run) else "未完成 unfinished",
        settings=by_dotted_key(config_values(run)),
        metrics=read_metrics(run.metrics_file) if run.metrics_file.is_file() else [],
        report=Report.load(report) if report.is_file() else None,
    )


FACTS: dict[str, Callable[[ComparedRun], str]] = {
    "状态 state": lambda run: run.state,
    "配方 recipe": lambda run: run.setting("name"),
    "数据 data": lambda run: run.setting("data.name"),
    "模型 model": lambda run: run.setting("model.name"),
    "方法 method": lambda run: run.setting("method.kind", "stage"),
    "量化 quantisation": lambda run: run.setting("method.quantisation"),
    "秩 rank": lambda run: run.setting("method.rank"),
    "学习率 learning rate": lambda run: run.setting("train.learning_rate"),
    "步数 steps": lambda run: _count(run.last("step")),
    "监督词元 supervised tokens": lambda run: _count(run.last("supervised_tokens")),
    "验证损失 dev loss": lambda run: _dev_loss(run.dev_losses),
    "训练用时 training time": lambda run: _seconds(run.metrics),
    "内存峰值 peak memory": lambda run: _gibibytes(run.last("peak_memory")),
}
"""What is said of every run, line by line."""


def facts(runs: Sequence[ComparedRun]) -> list[ComparedLine]:
    """What the runs are and how they do; scores are those at the top of their reports."""
    lines = [ComparedLine(name, [fact(run) for run in runs]) for name, fact in FACTS.items()]
    scores = list(dict.fromkeys(score for run in runs if run.report for score in headlines(run.report)))
    return lines + [ComparedLine(" ".join(score), [_score(run.report, *score) for run in runs]) for score in scores]


def differences(runs: Sequence[ComparedRun]) -> list[ComparedLine]:
    """The settings that are not the same in all runs."""
    keys = dict.fromkeys(key for run in runs for key in run.settings)
    lines = [ComparedLine(key, [str(run.settings.get(key, NONE)) for run in runs]) for key in keys]
    return [line for line in lines if len(set(line.cells)) > 1]


def over_seeds(runs: Sequence[ComparedRun]) -> list[ComparedLine]:
    """What the training seed alone changes: mean, standard deviation and range of each score at the top of the reports.

    None of the reports' intervals has that in it: they are about other items, asked of the same model. Nothing where
    the runs differ in more than their seed, or one has no report.
    """
    reports = [run.report for run in runs if run.report]
    if [line.name for line in differences(runs)] != ["seed"] or len(reports) < len(runs):
        return []
    head = ComparedLine(f"随种子而变 over {len(runs)} seeds", ["均值 mean", "标准差 SD", "最小 least", "最大 most"])
    found = {score: [_value(report, *score) for report in reports] for score in headlines(reports[0])}
    return [head, *(_spread(reports[0], score, values) for score, values in found.items() if None not in values)]


def _spread(report: Report, score: tuple[str, str], values: Sequence[float | None]) -> ComparedLine:
    known, unit = [value for value in values if value is not None], report.metrics[score[1]].unit
    told = (statistics.mean(known), statistics.stdev(known), min(known), max(known))
    return ComparedLine(" ".join(score), [shown(value, unit) for value in told])


def text(runs: Sequence[ComparedRun]) -> str:
    """The comparison for a terminal."""
    head = ComparedLine("", [run.name for run in runs])
    differing = differences(runs)
    settings = [ComparedLine("设置不同 settings that differ", head.cells), *differing] if differing else []
    return "\n\n".join(_aligned(table) for table in ([head, *facts(runs)], settings, over_seeds(runs)) if table)


def page(runs: Sequence[ComparedRun]) -> str:
    """The comparison as one self-contained HTML file, with the curves of the dev loss."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        runs=runs, facts=facts(runs), differences=differences(runs), seeds=over_seeds(runs), plot=Plot.of(runs)
    )


@dataclass(frozen=True)
class RunCurve:
    """The dev loss of one run; ``points`` are across and down."""

    name: str
    colour: str
    dashes: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Plot:
    """The curves of the dev loss, in pixels.

    Attributes:
        losses: Places and texts of the marks beside the plot, nats per supervised token.
        steps: Places and texts of the marks below it.
    """

    width: int
    height: int
    margin: int
    curves: Sequence[RunCurve]
    losses: Sequence[tuple[float, str]]
    steps: Sequence[tuple[float, str]]

    @classmethod
    def of(cls, runs: Sequence[ComparedRun]) -> "Plot | None":
        """The plot; None where no dev loss has been measured."""
        measured = [(step, loss) for run in runs for step, loss in run.dev_losses.items()]
        if not measured:
            return None
        last = max(step for step, _ in measured)
        low, high = min(loss for _, loss in measured), max(loss for _, loss in measured)
        span = high - low or 1.0

        def across(step: float) -> float:
            return round(MARGIN + (WIDTH - 2 * MARGIN) * step / last, 1)

        def down(loss: float) -> float:
            return round(MARGIN / 2 + (HEIGHT - 1.5 * MARGIN) * (high - loss) / span, 1)

        curves = [
            RunCurve(
                name=run.name,
                colour=COLOURS[i % len(COLOURS)],
                dashes="6 4" if i >= len(COLOURS) else "none",
                points=[(across(step), down(loss)) for step, loss in sorted(run.dev_losses.items())],
            )
            for i, run in enumerate(runs)
        ]
        marks = [low + span * i / 4 for i in range(5)]
        return cls(
            *(WIDTH, HEIGHT, MARGIN, curves),
            losses=[(down(loss), f"{loss:.3f}") for loss in marks],
            steps=[(across(last * i / 4), f"{last * i / 4:.0f}") for i in range(5)],
        )


def _count(value: int | None) -> str:
    return NONE if value is None else f"{value:,}"


def _dev_loss(losses: Mapping[int, float]) -> str:
    if not losses:
        return NONE
    best, last = min(losses, key=losses.__getitem__), max(losses)
    least = f" (least {losses[best]:.4f} @ {best})" if best != last else ""
    return f"{losses[last]:.4f}{least}"


def _seconds(metrics: Sequence[Mapping[str, Any]]) -> str:
    """The time of the steps, without evaluations and pauses: it is not logged itself, the speed is."""
    steps = [{"tokens": 0}, *(line for line in metrics if "tokens_per_second" in line)]
    if len(steps) == 1:
        return NONE
    seconds = sum((now["tokens"] - before["tokens"]) / now["tokens_per_second"] for before, now in pairwise(steps))
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def _gibibytes(value: int | None) -> str:
    return NONE if value is None else f"{value / 2**30:.2f} GiB"


def _value(report: Report, suite: str, metric: str) -> float | None:
    score = report.systems[report.subject].get(suite, {}).get(metric)
    return score.value if score else None


def _score(report: Report | None, suite: str, metric: str) -> str:
    score = report.systems[report.subject].get(suite, {}).get(metric) if report else None
    return shown_interval(score, report.metrics[metric].unit) if report and score else NONE


def _aligned(lines: Sequence[ComparedLine]) -> str:
    rows = [[line.name, *line.cells] for line in lines]
    widths = [max(map(_columns, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell + " " * (width - _columns(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _columns(cell: str) -> int:
    """How wide a terminal shows a text: a Chinese character takes two columns."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in cell)
