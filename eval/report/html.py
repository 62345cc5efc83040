"""``index.html``: the report as one self-contained file, in Chinese and English."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from eval.bilingual import Text
from eval.judges import FALLBACK, JUDGES, primary
from eval.report import plots, wording
from eval.report.browser import browser
from eval.report.schema import (
    Comparison,
    ItemRecord,
    Report,
    Scores,
    System,
    progression,
    shown,
    shown_bounds,
    shown_interval,
    subject_of,
)
from eval.significance import Estimate

TEMPLATES = Path(__file__).parent
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
class Breakdown:
    """The interval plot of a suite, broken down; the title says by what, and names the metrics."""

    title: Text
    rows: tuple[PlotRow, ...]


@dataclass(frozen=True)
class Misses:
    """The items of a suite that were missed by a safety metric.

    Attributes:
        judged: The systems that are judged: all, or all but the baseline where the report is about what came of it.
        items: Each item with the systems that missed it.
    """

    suite: str
    metric: str
    judged: list[System]
    items: list[tuple[ItemRecord, list[System]]]

    @property
    def count(self) -> int:
        """How many items were missed."""
        return len(self.items)

    @property
    def is_of_one(self) -> bool:
        """Whether a single system is judged, so that every item is one miss."""
        return len(self.judged) == 1


def html(report: Report, items: Sequence[ItemRecord]) -> str:
    """The report as one HTML page; all text from data and models is escaped.

    Args:
        report: The content.
        items: Every item with its answers.

    Returns:
        The page.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
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
    return environment.get_template("template.html").render(
        report=report,
        cards=[_card(report, suite, metric) for suite, metric in wording.headlines(report)],
        breakdowns={suite: list(_breakdowns(report, suite)) for suite in report.suites},
        browser=browser(report, items),
        misses=_misses(report, items),
        examples=_examples(items, report.provenance.seed),
        reliability={suite: _reliability(report, suite) for suite in report.calibration},
        thresholds={suite: _thresholds(report, suite) for suite in report.thresholds},
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


def _breakdowns(report: Report, suite: str) -> Iterator[Breakdown]:
    """The scores of a suite by kind of item, the most frequent kinds first, then by what else items carry."""
    frequent = sorted(report.suites[suite].kinds.items(), key=lambda pair: (-pair[1], pair[0]))
    kinds = {system: by_suite[suite] for system, by_suite in report.by_kind.items()}
    yield _breakdown(report, wording.BY_KIND, kinds, {kind: wording.item_kind(kind) for kind, _ in frequent})
    for facet, by_system in report.breakdowns.items():
        values = {system: by_suite[suite] for system, by_suite in by_system.items() if suite in by_suite}
        if values:
            names = {value: wording.facet_value(facet, value) for value in values[report.subject]}
            yield _breakdown(report, wording.FACETS[facet], values, names)


def _breakdown(
    report: Report, by: Text, values: Mapping[System, Mapping[str, Scores]], names: Mapping[str, Text]
) -> Breakdown:
    """Each value by its most informative metric."""
    scored = values[report.subject]
    metrics = {value: primary(scored[value])[0] for value in names if scored[value]}
    several = len(set(metrics.values())) > 1
    titles = [JUDGES[metric].title for metric in dict.fromkeys(metrics.values())]
    title = Text(
        f"{by.zh}：{'、'.join(name.zh for name in titles)}", f"{by.en}: {', '.join(name.en for name in titles)}"
    )
    rows = tuple(
        _row(report, names[value], {system: found[value][metric] for system, found in values.items()}, metric, several)
        for value, metric in metrics.items()
    )
    return Breakdown(title, rows)


def _row(report: Report, name: Text, scores: dict[System, Estimate], metric: str, with_metric: bool) -> PlotRow:
    title = JUDGES[metric].title
    full = Text(f"{name.zh} · {title.zh}", f"{name.en} · {title.en}")
    numbers = progression([shown(score.value, report.metrics[metric].unit) for score in scores.values()])
    plot = _interval_plot(full, scores, report, metric)
    return PlotRow(full if with_metric else name, scores[report.subject].n, plot, numbers)


def _reliability(report: Report, suite: str) -> dict[System, Markup]:
    """The reliability diagram of each system."""
    names, colours = wording.system_names(report), plots.colours(list(report.systems))
    found = {}
    for system, one in report.calibration[suite].items():
        said = "；".join(f"{shown(b.confidence, 'share')} → {shown_interval(b.right, 'share')}" for b in one.bins)
        found[system] = plots.reliability_plot(one.bins, colours[system], f"{names[system].zh}：{said}")
    return found


def _thresholds(report: Report, suite: str) -> Markup:
    """F1 by the share of questions that is answered."""
    names, curves = wording.system_names(report), report.thresholds[suite]
    said = []
    for system, points in curves.items():
        told = "，".join(f"{shown(one.answered, 'share')} → {shown(one.f1.value, 'share')}" for one in points)
        said.append(f"{names[system].zh} {told}")
    return plots.threshold_plot(curves, plots.colours(list(report.systems)), f"F1：{'；'.join(said)}")


def _interval_plot(name: Text, scores: dict[System, Estimate], report: Report, metric: str) -> Markup:
    """Shares on their axis from 0 to 1; a loss has no such axis, and is told in numbers alone."""
    if report.metrics[metric].unit != "share":
        return Markup("")
    unit, names = report.metrics[metric].unit, wording.system_names(report)
    spoken = "；".join(f"{names[system].zh} {shown_interval(score, unit)}" for system, score in scores.items())
    return plots.interval_plot(scores, plots.colours(list(report.systems)), f"{name.zh}：{spoken}")


def _misses(report: Report, items: Sequence[ItemRecord]) -> list[Misses]:
    """Every item that a system missed by a metric whose misses matter most, the metrics in the order of the report."""
    judged = list(report.systems) if report.subject == report.baseline else list(report.compared)
    return [
        Misses(suite, metric, judged, _missed(items, suite, metric, judged))
        for suite in report.suites
        for metric in report.metrics_of(suite)
        if wording.is_safety(metric)
    ]


def _missed(
    items: Sequence[ItemRecord], suite: str, metric: str, judged: Sequence[System]
) -> list[tuple[ItemRecord, list[System]]]:
    of_suite = [item for item in items if item.suite == suite]
    found = [(item, [s for s in judged if item.scores[s].get(metric, 1.0) < 1]) for item in of_suite]
    return [(item, systems) for item, systems in found if systems]


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
    counts = {Text("问题", "Questions"): lengths.questions, Text("回答", "Answers"): lengths.answers}
    if not any(lengths.questions):
        counts = {Text("文本", "Texts"): lengths.answers}
    return {
        "edges": lengths.edges,
        "plots": [
            (title, plots.histogram(of, lengths, f"{title.zh}长度分布 / lengths of {title.en.lower()}"))
            for title, of in counts.items()
        ],
        "rows": list(zip(lengths.edges, lengths.edges[1:], zip(*counts.values(), strict=True), strict=False)),
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
