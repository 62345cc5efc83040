"""The browser of all items on the page: what can be chosen, and the items, once, as JSON inside the page."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from eval.bilingual import Text
from eval.judges import JUDGES, primary
from eval.report import plots, wording
from eval.report.schema import ItemRecord, Report

ESCAPED = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
"""So that nothing in a text ends the script element, and JSON stays JSON."""
DIGITS = 4  # of scores; more are seen nowhere and make a quarter of the file
VERDICTS = {
    "right": Text("对", "right"),
    "partly": Text("部分对", "partly right"),
    "wrong": Text("错", "wrong"),
    "none": Text("未评", "not judged"),
}
CHANGES = {
    "fixed": Text("变对了", "became right"),
    "broken": Text("变错了", "became wrong"),
    "higher": Text("得分升高", "score rose"),
    "lower": Text("得分降低", "score fell"),
    "different": Text("回答不同", "other answer"),
    "same": Text("回答相同", "same answer"),
}
OVERLAP = {"yes": Text("有重合", "overlaps"), "no": Text("无重合", "does not overlap")}

Choices = list[tuple[str, Text]]
"""The options of a filter: each value, and how it is shown."""


@dataclass(frozen=True)
class Browser:
    """What the page's browser is made of.

    Attributes:
        json: All items with all answers.
        choices: The options by name of the filter; those of ``suite``, ``kind``, ``metric`` and ``system`` are numbers
            into the lists of the JSON.
        system: Number of the system that is chosen at first, the one that the report is about.
    """

    json: Markup
    choices: dict[str, Choices]
    system: str


def browser(report: Report, items: Sequence[ItemRecord]) -> Browser:
    """The browser of a report's items.

    Args:
        report: The content.
        items: Every item.
    """
    metrics = [name for name, record in report.metrics.items() if record.unit == "share"]
    kinds = list(dict.fromkeys(item.kind for item in items))
    names = wording.system_names(report)
    lists = {
        "suite": [wording.suite_name(suite) for suite in report.suites],
        "kind": [wording.item_kind(kind) for kind in kinds],
        "metric": [JUDGES[name].title for name in metrics],
        "system": list(names.values()),
    }
    fixed = {"verdict": VERDICTS, "change": CHANGES, "odd": wording.ODD_IN_SHORT, "overlap": OVERLAP}
    choices = {name: [(str(i), text) for i, text in enumerate(texts)] for name, texts in lists.items()}
    choices |= {name: list(texts.items()) for name, texts in fixed.items()}
    colours = plots.colours(list(report.systems))
    content = {
        "systems": [{"name": names[system], "colour": colours[system]} for system in report.systems],
        "metrics": [{"name": JUDGES[name].title, "higher": JUDGES[name].higher_is_better} for name in metrics],
        "suites": lists["suite"],
        "kinds": lists["kind"],
        "verdicts": VERDICTS,
        "odd": wording.ODD_IN_SHORT,
        "items": list(_rows(report, items, metrics, kinds)),
    }
    return Browser(_for_a_script(content), choices, str(list(report.systems).index(report.subject)))


def _for_a_script(content: object) -> Markup:
    """JSON that is safe inside of a script element."""
    return Markup(json.dumps(content, ensure_ascii=False, separators=(",", ":")).translate(ESCAPED))


def _rows(
    report: Report, items: Iterable[ItemRecord], metrics: Sequence[str], kinds: Sequence[str]
) -> Iterable[dict[str, object]]:
    """Items; what names a suite, a kind or a metric is its number, and what is of a system is in their order."""
    suites = list(report.suites)
    for item in items:
        shares = [name for name in primary(item.scores[report.subject]) if name in metrics]  # a loss is none
        yield {
            "id": item.id,
            "suite": suites.index(item.suite),
            "kind": kinds.index(item.kind),
            "asked": item.prompt,
            "reference": item.reference,
            "answers": [item.answers[system] for system in report.systems],
            "odd": [item.odd.get(system, ()) for system in report.systems],
            "scores": [_shares(item.scores[system], metrics) for system in report.systems],
            "decisive": next((metrics.index(name) for name in shares if name in item.scores[report.subject]), None),
            "stated": [item.stated.get(system, {}) for system in report.systems],
            "overlaps": item.overlaps,
        }


def _shares(scores: dict[str, float], metrics: Sequence[str]) -> dict[int, float]:
    """The shares among the scores of an answer, by the number of their metric."""
    return {i: round(scores[name], DIGITS) for i, name in enumerate(metrics) if name in scores}
