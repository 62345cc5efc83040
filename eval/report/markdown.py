"""``report.md``: the same numbers as text, Chinese first, then English."""

from eval.report.schema import Report, System, shown_interval
from eval.report.wording import (
    KIND_OF_RESULT,
    METRIC_NAMES,
    VERDICTS,
    Text,
    failures,
    outcome,
    sentence,
    shown_difference,
    shown_overlap,
    shown_p,
    shown_unscored,
    system_names,
)

TITLES = {
    "title": Text("杏林评测报告", "Xinglin evaluation report"),
    "scores": Text("得分（95% 区间）", "Scores (95 % interval)"),
    "overlap": Text("与训练数据的重合", "Overlap with the training data"),
    "merge": Text("合并校验", "Merge proof"),
    "failures": Text("没做好的地方", "What did not go well"),
    "origin": Text("出处", "Provenance"),
}
COLUMNS = Text("指标|差|p（Holm）|结论|n", "metric|difference|p (Holm)|verdict|n")


def markdown(report: Report) -> str:
    """The report as Markdown."""
    return f"{_in_language(report, 0)}\n---\n\n{_in_language(report, 1)}"


def _in_language(report: Report, language: int) -> str:
    parts = [
        f"# {TITLES['title'][language]}",
        f"**{outcome(report)[language]}** {sentence(report)[language]}",
        f"## {TITLES['scores'][language]}",
        *(_suite(report, suite, language) for suite in report.suites),
        f"## {TITLES['overlap'][language]}",
        "\n".join(f"- `{suite}`: {shown_overlap(r.overlap)[language]}" for suite, r in report.suites.items()),
        *_merge(report, language),
        f"## {TITLES['failures'][language]}",
        "\n".join(f"- {_escaped(text[language])}" for text in failures(report)) or "–",
        f"## {TITLES['origin'][language]}",
        _provenance(report),
    ]
    return "\n\n".join(parts) + "\n"


def _suite(report: Report, suite: str, language: int) -> str:
    record = report.suites[suite]
    systems: list[System] = list(report.systems)
    metric, difference, p, verdict, n = COLUMNS[language].split("|")
    compared = [difference, p, verdict] if report.comparisons else []
    header = [metric, *(name[language] for name in system_names(report).values()), *compared, n]
    rows = [_row(report, suite, name, language) for name in report.systems[systems[0]][suite]]
    lines = [header, ["---"] * len(header), *rows]
    description = (record.zh, record.en)[language]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines) if rows else ""
    parts = [f"### `{suite}`", _escaped(description), shown_unscored(record)[language], table]
    return "\n\n".join(filter(None, parts))


def _row(report: Report, suite: str, metric: str, language: int) -> list[str]:
    unit = report.metrics[metric].unit
    scores = [by_suite[suite][metric] for by_suite in report.systems.values()]
    comparison = report.comparison(suite, metric)
    compared = [""] * (3 if report.comparisons else 0)
    if comparison:
        shown_verdict = VERDICTS[comparison.verdict][language]
        compared = [shown_difference(comparison, report), shown_p(comparison.p_holm), shown_verdict]
    return [METRIC_NAMES[metric][language], *(shown_interval(s, unit) for s in scores), *compared, str(scores[-1].n)]


def _merge(report: Report, language: int) -> list[str]:
    if report.merge is None:
        return []
    lines = [KIND_OF_RESULT[report.merge.kind][language]]
    if report.merge.why_not_merged:
        lines.append(_escaped(report.merge.why_not_merged))
    if report.merge.proof:
        lines += [f"{name}: {value}" for name, value in report.merge.proof.model_dump().items()]
    return [f"## {TITLES['merge'][language]}", "\n".join(f"- {line}" for line in lines)]


def _provenance(report: Report) -> str:
    origin = report.provenance.model_dump(exclude={"command"})
    lines = [f"- {key}: {_escaped(_flat(value))}" for key, value in origin.items() if value]
    lines += [f"- {name}: `{record.signature}`" for name, record in report.metrics.items()]
    rerun = f"\n\n```\n{report.provenance.command}\n```" if report.provenance.command else ""
    return "\n".join(lines) + rerun


def _flat(value: object) -> str:
    return ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else str(value)


def _escaped(text: str) -> str:
    """Keeps a foreign text from becoming markup."""
    for mark in "\\`*_<>[]|#":
        text = text.replace(mark, f"\\{mark}")
    return text.replace("\n", " ")
