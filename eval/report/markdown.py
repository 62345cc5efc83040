"""``report.md``: the same numbers as text, Chinese first, then English."""

from eval.baselines import BASELINES
from eval.bilingual import Text
from eval.judges import JUDGES
from eval.report.schema import GateOutcome, Report, System, shown_interval
from eval.report.wording import (
    BASELINES_TITLE,
    CLEAN,
    COST,
    GATE_MARKS,
    GATE_VERDICTS,
    KIND_OF_RESULT,
    ODD,
    VERDICTS,
    failures,
    gate_counts,
    gate_title,
    is_of_texts,
    outcome,
    sentence,
    shown_cost,
    shown_difference,
    shown_odd,
    shown_overlap,
    shown_p,
    shown_unscored,
    system_lines,
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
METRIC = Text("指标", "metric")
COMPARED = Text("差|p（Holm）|结论", "difference|p (Holm)|verdict")  # of each system but the baseline


def markdown(report: Report) -> str:
    """The report as Markdown."""
    return f"{_in_language(report, 0)}\n---\n\n{_in_language(report, 1)}"


def gate_told(gate: GateOutcome) -> str:
    """What a gate decided, for a terminal, in both languages."""
    return "\n\n".join("\n".join(_gate_lines(gate, language)) for language in (0, 1))


def _gate_lines(gate: GateOutcome, language: int) -> list[str]:
    """The pass line, then every rule, those that are not passed first."""
    return [
        f"{gate_title(gate)[language]}. {gate_counts(gate)[language]}",
        *(
            f"{GATE_MARKS[verdict]} {GATE_VERDICTS[verdict][language]} · {found.rule}: {(found.zh, found.en)[language]}"
            for verdict in ("failed", "undecided", "passed")
            for found in gate.of(verdict)
        ),
    ]


def _gate(report: Report, language: int) -> list[str]:
    if report.gate is None:
        return []
    first, *rules = _gate_lines(report.gate, language)
    return [f"**{_escaped(first)}**", "\n".join(f"- {_escaped(rule)}" for rule in rules)]


def _in_language(report: Report, language: int) -> str:
    parts = [
        f"# {TITLES['title'][language]}",
        *_gate(report, language),
        f"**{outcome(report)[language]}** {sentence(report)[language]}",
        f"## {TITLES['scores'][language]}",
        *(_suite(report, suite, language) for suite in report.suites),
        f"## {TITLES['overlap'][language]}",
        "\n".join(_overlaps(report, language)),
        *_merge(report, language),
        f"## {TITLES['failures'][language]}",
        *_failures(report, language),
        f"## {TITLES['origin'][language]}",
        _provenance(report),
        *_systems(report, language),
    ]
    return "\n\n".join(parts) + "\n"


def _suite(report: Report, suite: str, language: int) -> str:
    record = report.suites[suite]
    names = [name[language] for name in system_names(report).values()]
    compared = [heading for system in report.compared for heading in _headings(report, system, language)]
    header = [METRIC[language], *names, *compared, "n"]
    rows = [_row(report, suite, name, language) for name in report.metrics_of(suite)]
    if rows and not is_of_texts(report, suite):
        rows += [_odd_row(report, suite, language), _cost_row(report, suite, language)]
    rows += _clean_rows(report, suite, language)
    lines = [header, ["---"] * len(header), *rows]
    description = (record.zh, record.en)[language]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines) if rows else ""
    floors = _baselines(report, suite, language)
    parts = [f"### `{suite}`", _escaped(description), shown_unscored(record)[language], table, floors]
    return "\n\n".join(filter(None, parts))


def _baselines(report: Report, suite: str, language: int) -> str:
    """The scores of the trivial baselines of a suite; empty where there are none."""
    by_metric = report.baselines_by_metric(suite)
    if not by_metric:
        return ""
    names = list(report.baselines[suite])
    header = [BASELINES_TITLE[language], *(BASELINES[name].title[language] for name in names)]
    rows = [
        [
            JUDGES[metric].title[language],
            *(shown_interval(scores[name], report.metrics[metric].unit) if name in scores else "–" for name in names),
        ]
        for metric, scores in by_metric.items()
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, ["---"] * len(header), *rows])


def _headings(report: Report, system: System, language: int) -> list[str]:
    """The heads of a system's columns of comparison, with its name where several are compared."""
    named = f" ({system_names(report)[system][language]})" if len(report.compared) > 1 else ""
    return [f"{heading}{named}" for heading in COMPARED[language].split("|")]


def _row(report: Report, suite: str, metric: str, language: int) -> list[str]:
    unit, scores = report.metrics[metric].unit, report.scores(suite, metric)
    shown = [shown_interval(scores[system], unit) if system in scores else "–" for system in report.systems]
    compared = [cell for system in report.compared for cell in _comparison(report, suite, metric, system, language)]
    *_, last = scores.values()
    return [JUDGES[metric].title[language], *shown, *compared, str(last.n)]


def _odd_row(report: Report, suite: str, language: int) -> list[str]:
    """The answers that were cut, empty, too long, failed or looping, of every system."""
    record = report.suites[suite]
    shown = [shown_odd(record, system)[language] for system in report.systems]
    return [ODD[language], *shown, *[""] * (3 * len(report.compared)), str(record.items)]


def _cost_row(report: Report, suite: str, language: int) -> list[str]:
    """What an answer of every system took."""
    cost = report.suites[suite].cost
    shown = [shown_cost(cost.get(system))[language] for system in report.systems]
    return [COST[language], *shown, *[""] * (3 * len(report.compared)), ""]


def _clean_rows(report: Report, suite: str, language: int) -> list[list[str]]:
    """The scores without the items that overlap with training data, of suites that have such items."""
    rows = []
    for metric, scores in report.clean_scores(suite).items():
        unit, title = report.metrics[metric].unit, JUDGES[metric].title[language]
        shown = [shown_interval(scores[s], unit) if s in scores else "–" for s in report.systems]
        *_, last = scores.values()
        rows.append([f"{title} · {CLEAN[language]}", *shown, *[""] * (3 * len(report.compared)), str(last.n)])
    return rows


def _comparison(report: Report, suite: str, metric: str, system: System, language: int) -> list[str]:
    comparison = report.comparison(suite, metric, system)
    if comparison is None:
        return ["", "", ""]
    verdict = VERDICTS[comparison.verdict][language]
    return [shown_difference(comparison, report), shown_p(comparison.p_holm), verdict]


def _failures(report: Report, language: int) -> list[str]:
    """Those of the model that the report is about, then those of the others under their names."""
    names = system_names(report)
    parts = []
    for system, said in {report.subject: [], **failures(report)}.items():
        parts += [] if system == report.subject else [f"### {names[system][language]}"]
        parts.append("\n".join(f"- {_escaped(text[language])}" for text in said) or "–")
    return parts


def _overlaps(report: Report, language: int) -> list[str]:
    names = system_names(report)
    lines = []
    for suite, record in report.suites.items():
        lines.append(f"- `{suite}`: {shown_overlap(record.overlap)[language]}")
        others = record.other_overlaps.items()
        lines += [f"- `{suite}` ({names[s][language]}): {shown_overlap(overlap)[language]}" for s, overlap in others]
    return lines


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
    origin = report.provenance.model_dump(exclude={"command", "systems"})
    lines = [f"- {key}: {_escaped(_flat(value))}" for key, value in origin.items() if value]
    lines += [f"- {name}: `{record.signature}`" for name, record in report.metrics.items()]
    rerun = f"\n\n```\n{report.provenance.command}\n```" if report.provenance.command else ""
    return "\n".join(lines) + rerun


def _systems(report: Report, language: int) -> list[str]:
    """What each system is, and how it was asked."""
    names = system_names(report)
    parts = []
    for system, record in report.provenance.systems.items():
        lines = [f"- {name[language]}: {_escaped(value)}" for name, value in system_lines(record)]
        parts += [f"### {names[system][language]}", "\n".join(lines)]
    return parts


def _flat(value: object) -> str:
    return ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else str(value)


def _escaped(text: str) -> str:
    """Escapes text from data and models, so that it is not read as markup."""
    for mark in "\\`*_<>[]|#":
        text = text.replace(mark, f"\\{mark}")
    return text.replace("\n", " ")
