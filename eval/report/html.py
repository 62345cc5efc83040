"""``index.html``: the report as one self-contained file, in Chinese and English."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from eval.bilingual import Text
from eval.judges import FALLBACK, JUDGES, primary
from eval.report import plots, wording
from eval.report.schema import (
    Comparison,
    ItemRecord,
    Report,
    System,
    progression,
    shown,
    shown_bounds,
    shown_interval,
    subject_of,
)
from eval.significance import Estimate

TEMPLATE = Path(__file__).parent / "template.html"
EXAMPLES = 3  # of each kind
UNSCORED = 30  # answers to questions that have no reference


@dataclass(frozen=True)
class Card:
    """A headline score: the baseline's and that of the model the report is about, then every system's interval."""

    suite: str
    metric: str
    scores: dict[System, Estimate]
    large: list[System]
    plot: Markup
    comparison: Comparison | None


@dataclass(frozen=True)
class PlotRow:
    """One row of an interval plot: its name, the plot, and the same in numbers."""

    name: Text
    n: int
    plot: Markup
    numbers: str


@dataclass(frozen=True)
class KindPlot:
    """The interval plot of a suite; the title names its metrics."""

    title: Text
    rows: tuple[PlotRow, ...]


def html(report: Report, items: Sequence[ItemRecord]) -> str:
    """The report as one HTML page; all text from data and models is escaped.

    Args:
        report: The content.
        items: Every item with its answers; a few are shown.

    Returns:
        The page.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals.update(
        t=_both,
        wording=wording,
        shown=shown,
        shown_bounds=shown_bounds,
        judges=JUDGES,
        systems=list(report.systems),
        names=wording.system_names(report),
        colours=plots.colours(list(report.systems)),
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        report=report,
        cards=[_card(report, suite, metric) for suite, metric in wording.headlines(report)],
        kinds={suite: _kinds(report, suite) for suite in report.suites},
        examples=_examples(items, report.provenance.seed),
        loss=_loss(report),
        lengths=_lengths(report),
    )


def _both(text: Text) -> Markup:
    """A text in both languages, of which the page shows one."""
    return Markup('<span class="t" lang="zh-CN">{}</span><span class="t" lang="en">{}</span>').format(*text)


def _card(report: Report, suite: str, metric: str) -> Card:
    scores = report.scores(suite, metric)
    large = [system for system in scores if system in (report.baseline, report.subject)]
    plot = _interval_plot(JUDGES[metric].title, scores, report, metric)
    return Card(suite, metric, scores, large, plot, report.comparison(suite, metric))


def _kinds(report: Report, suite: str) -> KindPlot:
    """Each kind of item by its most informative metric, the most frequent kinds first."""
    frequent = sorted(report.suites[suite].kinds.items(), key=lambda pair: (-pair[1], pair[0]))
    scored = report.by_kind[report.subject][suite]
    metrics = {kind: primary(scored[kind])[0] for kind, _ in frequent if scored[kind]}
    several = len(set(metrics.values())) > 1
    names = [JUDGES[metric].title for metric in dict.fromkeys(metrics.values())]
    title = Text("、".join(name.zh for name in names), ", ".join(name.en for name in names))
    rows = tuple(_kind_row(report, suite, kind, metric, several) for kind, metric in metrics.items())
    return KindPlot(title, rows)


def _kind_row(report: Report, suite: str, kind: str, metric: str, with_metric: bool) -> PlotRow:
    scores = {system: by_suite[suite][kind][metric] for system, by_suite in report.by_kind.items()}
    name, title = wording.item_kind(kind), JUDGES[metric].title
    full = Text(f"{name.zh} · {title.zh}", f"{name.en} · {title.en}")
    numbers = progression([shown(score.value, report.metrics[metric].unit) for score in scores.values()])
    plot = _interval_plot(full, scores, report, metric)
    return PlotRow(full if with_metric else name, scores[report.subject].n, plot, numbers)


def _interval_plot(name: Text, scores: dict[System, Estimate], report: Report, metric: str) -> Markup:
    unit, names = report.metrics[metric].unit, wording.system_names(report)
    spoken = "；".join(f"{names[system].zh} {shown_interval(score, unit)}" for system, score in scores.items())
    return plots.interval_plot(scores, plots.colours(list(report.systems)), f"{name.zh}：{spoken}")


def _loss(report: Report) -> dict[str, object] | None:
    if not report.curve.train:
        return None
    points = (*report.curve.train, *report.curve.dev)
    top = plots.nice_ceiling(max((point.loss for point in points if math.isfinite(point.loss)), default=1.0))
    return {
        "plot": plots.loss_plot(report.curve, top, "训练损失与验证损失随步数变化 / training and dev loss by step"),
        "y": [f"{top * (plots.TICKS - i) / plots.TICKS:.3g}" for i in range(plots.TICKS + 1)],
        "last": max(point.step for point in points),
        "dev": report.curve.dev,
        "train": report.curve.train[:: -(-len(report.curve.train) // 20)],
    }


def _lengths(report: Report) -> dict[str, object] | None:
    lengths = report.lengths
    if lengths is None:
        return None
    return {
        "edges": lengths.edges,
        "questions": plots.histogram(lengths.questions, lengths, "问题长度分布 / lengths of questions"),
        "answers": plots.histogram(lengths.answers, lengths, "回答长度分布 / lengths of answers"),
        "rows": list(zip(lengths.edges, lengths.edges[1:], lengths.questions, lengths.answers, strict=False)),
    }


def _examples(items: Sequence[ItemRecord], seed: int) -> list[tuple[Text, list[ItemRecord]]]:
    """Random, best and worst items; an item is shown once, and missed emergencies come first among the worst."""
    judged = subject_of(items[0].answers)
    scored = [item for item in items if item.scores[judged]]
    drawn = Random(seed).sample(scored, min(EXAMPLES, len(scored)))
    left = [item for item in scored if item not in drawn]
    best = sorted(left, key=lambda item: (-_gain(item), -_score(item, judged), item.id))[:EXAMPLES]
    left = [item for item in left if item not in best]
    worst = sorted(left, key=lambda item: (_score(item, judged), item.behaviour != "emergency", _gain(item), item.id))
    gained = judged != next(iter(items[0].answers))
    return [
        (Text("随机抽取", "Random"), drawn),
        (Text("提升最多", "Most improved") if gained else Text("得分最高", "Best"), best),
        (Text("得分最低", "Worst"), worst[:EXAMPLES]),
        (Text("没有参考答案", "Without a reference"), [item for item in items if not item.scores[judged]][:UNSCORED]),
    ]


def _score(item: ItemRecord, system: System) -> float:
    """The most informative score of an item, 0 to 1, with the fallback's to break ties."""
    scores = item.scores[system]
    return scores[primary(scores)[0]] + 0.01 * scores.get(FALLBACK, 0.0)


def _gain(item: ItemRecord) -> float:
    """How much better the report's model answers than the baseline."""
    return _score(item, subject_of(item.answers)) - _score(item, next(iter(item.answers)))
