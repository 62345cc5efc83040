"""``index.html``: the report as one file that needs nothing from anywhere, in Chinese and English."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from eval.report import plots, wording
from eval.report.schema import ItemRecord, Report, Score, System, shown, shown_bounds, shown_interval
from eval.report.wording import HEADLINE_METRICS, METRIC_NAMES, Text

TEMPLATE = Path(__file__).parent / "template.html"
EXAMPLES = 3  # of each sort
UNSCORED = 30  # answers to questions that have no reference


@dataclass(frozen=True)
class PlotRow:
    """One row of an interval plot: what it is, the plot, and the same in numbers."""

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
        systems=list(report.systems),
        names=wording.system_names(report),
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


def _card(report: Report, suite: str, metric: str) -> dict[str, object]:
    scores = {system: by_suite[suite][metric] for system, by_suite in report.systems.items()}
    return {
        "suite": suite,
        "metric": metric,
        "scores": scores,
        "unit": report.metrics[metric].unit,
        "n": next(iter(scores.values())).n,
        "plot": plots.interval_plot(scores, 1.0, _spoken(METRIC_NAMES[metric], scores, report, metric)),
        "comparison": report.comparison(suite, metric),
    }


def _kinds(report: Report, suite: str) -> KindPlot:
    """Each kind of item by its most telling metric, the most frequent kinds first."""
    frequent = sorted(report.suites[suite].kinds.items(), key=lambda pair: (-pair[1], pair[0]))
    scored = next(iter(report.by_kind.values()))[suite]
    metrics = {kind: _metric_of(report, suite, kind) for kind, _ in frequent if scored[kind]}
    several = len(set(metrics.values())) > 1
    names = [METRIC_NAMES[metric] for metric in dict.fromkeys(metrics.values())]
    title = Text("、".join(name.zh for name in names), ", ".join(name.en for name in names))
    rows = tuple(_kind_row(report, suite, kind, metric, several) for kind, metric in metrics.items())
    return KindPlot(title, rows)


def _metric_of(report: Report, suite: str, kind: str) -> str:
    available = next(iter(report.by_kind.values()))[suite][kind]
    return next((name for name in HEADLINE_METRICS if name in available), wording.FALLBACK_METRIC)


def _kind_row(report: Report, suite: str, kind: str, metric: str, with_metric: bool) -> PlotRow:
    scores = {system: by_suite[suite][kind][metric] for system, by_suite in report.by_kind.items()}
    name = wording.item_kind(kind)
    full = Text(f"{name.zh} · {METRIC_NAMES[metric].zh}", f"{name.en} · {METRIC_NAMES[metric].en}")
    plot = plots.interval_plot(scores, 1.0, _spoken(full, scores, report, metric))
    numbers = " → ".join(shown(score.value, report.metrics[metric].unit) for score in scores.values())
    n = next(iter(scores.values())).n
    return PlotRow(full if with_metric else name, n, plot, numbers)


def _spoken(name: Text, scores: dict[System, Score], report: Report, metric: str) -> str:
    unit, names = report.metrics[metric].unit, wording.system_names(report)
    return f"{name.zh}：" + "；".join(f"{names[s].zh} {shown_interval(score, unit)}" for s, score in scores.items())


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
    judged: System = "tuned" if "tuned" in items[0].answers else "base"
    scored = [item for item in items if item.scores[judged]]
    drawn = Random(seed).sample(scored, min(EXAMPLES, len(scored)))
    left = [item for item in scored if item not in drawn]
    best = sorted(left, key=lambda item: (-_gain(item), -_score(item, judged), item.id))[:EXAMPLES]
    left = [item for item in left if item not in best]
    worst = sorted(left, key=lambda item: (_score(item, judged), item.behaviour != "emergency", _gain(item), item.id))
    gained = len(items[0].answers) > 1
    return [
        (Text("随机抽取", "Random"), drawn),
        (Text("提升最多", "Most improved") if gained else Text("得分最高", "Best"), best),
        (Text("得分最低", "Worst"), worst[:EXAMPLES]),
        (Text("没有参考答案", "Without a reference"), [item for item in items if not item.scores[judged]][:UNSCORED]),
    ]


def _score(item: ItemRecord, system: System) -> float:
    """The most telling score of an item, 0 to 1, with ROUGE-L to decide between equals."""
    scores = item.scores[system]
    name = next((name for name in HEADLINE_METRICS if name in scores), wording.FALLBACK_METRIC)
    return scores[name] + 0.01 * scores[wording.FALLBACK_METRIC]


def _gain(item: ItemRecord) -> float:
    return _score(item, "tuned") - _score(item, "base") if len(item.answers) > 1 else 0.0
