"""The results of a report as logs of inspect_ai (format 2), one per system and suite, for its viewer and its tools.

What a judge found of an item is a score of that name; the means of a log are the report's own values. Written for
inspect_ai 0.3.285, whose ``read_eval_log`` reads them.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common.files import make_directory, write_json
from eval.harness_results import items_of
from eval.report.schema import ItemRecord, Report, System

STOP_REASONS: dict[str, str] = {"stop": "stop", "length": "max_tokens", "too_long": "model_length"}
"""In inspect_ai's words; the others are unknown to it."""


def write_logs(report_directory: Path, out: Path) -> list[Path]:
    """Writes ``<system>_<suite>.json`` for every system and suite.

    Args:
        report_directory: Of a report.
        out: Where to.

    Raises:
        UserError: There is no report, or ``out`` cannot be written.
    """
    report = Report.load(report_directory / "report.json")
    items = items_of(report_directory)
    make_directory(out)
    written = []
    for system in report.systems:
        for suite in report.suites:
            written.append(out / f"{system}_{suite}.json")
            write_json(written[-1], _log(report, [one for one in items if one.suite == suite], system, suite))
    return written


def _log(report: Report, items: Sequence[ItemRecord], system: System, suite: str) -> dict[str, Any]:
    origin = report.provenance
    created = datetime.strptime(origin.created, "%Y-%m-%d %H:%M:%S %z").astimezone(UTC).isoformat()
    scores, model = report.systems[system][suite], f"xinglin/{origin.model_versions[system]}"
    return {
        "version": 2,
        "status": "success",
        "eval": {
            "created": created,
            "task": suite,
            "dataset": {"name": origin.dataset, "samples": len(items), "sample_ids": [one.id for one in items]},
            "model": model,
            "config": {},
            "packages": origin.versions,
            "metadata": {"command": origin.command, "dataset_sha256": origin.dataset_sha256, **origin.decoding},
        },
        "plan": {},
        "results": {
            "total_samples": len(items),
            "completed_samples": sum(one.finish_reasons[system] != "failed" for one in items),
            "scores": [_score(report, name, value.value, value.n, len(items)) for name, value in scores.items()],
        },
        "stats": {"started_at": created, "completed_at": created},
        "samples": list(_samples(items, system, model)),
    }


def _score(report: Report, name: str, value: float, scored: int, items: int) -> dict[str, Any]:
    return {
        "name": name,
        "scorer": name,
        "scored_samples": scored,
        "unscored_samples": items - scored,
        "metrics": {"mean": {"name": "mean", "value": value}},
        "metadata": {"signature": report.metrics[name].signature},
    }


def _samples(items: Sequence[ItemRecord], system: System, model: str) -> Iterator[dict[str, Any]]:
    for item in items:
        said = {"role": "assistant", "content": item.answers[system]}
        asked = [{"role": role, "content": text} for role, text in item.prompt]
        reason = STOP_REASONS.get(item.finish_reasons[system], "unknown")
        yield {
            "id": item.id,
            "epoch": 1,
            "input": asked,
            "target": item.reference,
            "messages": [*asked, said],
            "output": {
                "model": model,
                "choices": [{"message": said, "stop_reason": reason}],
                "completion": item.answers[system],
            },
            "scores": {name: {"value": value} for name, value in item.scores[system].items()},
            "metadata": {
                "kind": item.kind,
                "group": item.group,
                "behaviour": item.behaviour,
                "overlaps": item.overlaps,
            },
        }
