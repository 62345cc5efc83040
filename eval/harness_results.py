"""The results of a report in the format of lm-evaluation-harness: one file per system, and one per suite of items.

Shares are means over items there and here, so each has the harness's standard error. The right options of an exam are
``acc`` and ``acc_norm``, as the harness calls them; other measures keep their names, which the harness has not.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import UserError
from common.files import make_directory, write_json, write_text
from eval.report.schema import ItemRecord, Report, System

NAMES = {"choice_logprob": "acc", "choice_logprob_per_character": "acc_norm"}
FILTER = "none"


def write_results(report_directory: Path, out: Path) -> list[Path]:
    """Writes ``results_<time>.json`` and ``samples_<suite>_<time>.jsonl`` below a folder per system.

    Args:
        report_directory: Of a report.
        out: Where to.

    Returns:
        The files of results.

    Raises:
        UserError: There is no report, or ``out`` cannot be written.
    """
    report = Report.load(report_directory / "report.json")
    items = items_of(report_directory)
    written = datetime.now().isoformat(timespec="microseconds").replace(":", "-")
    files = []
    for system in report.systems:
        folder = out / system
        make_directory(folder)
        for suite in report.suites:
            of_suite = [item for item in items if item.suite == suite]
            samples = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in _samples(of_suite, system))
            write_text(folder / f"samples_{suite}_{written}.jsonl", samples)
        files.append(folder / f"results_{written}.json")
        write_json(files[-1], _results(report, items, system))
    return files


def items_of(report_directory: Path) -> list[ItemRecord]:
    """Every item of a report.

    Raises:
        UserError: It has none.
    """
    file = report_directory / "items.jsonl"
    if not file.is_file():
        raise UserError("the report has no items", where=str(file), fix="evaluate again")
    return [ItemRecord.model_validate_json(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _results(report: Report, items: Sequence[ItemRecord], system: System) -> dict[str, Any]:
    origin, suites = report.provenance, list(report.suites)
    results: dict[str, dict[str, Any]] = {suite: {"alias": suite} for suite in suites}
    for suite in suites:
        for metric, score in report.systems[system][suite].items():
            name, found = NAMES.get(metric, metric), _of_items(items, suite, system, metric)
            results[suite][f"{name},{FILTER}"] = score.value
            is_mean = report.metrics[metric].unit == "share" and len(found) > 1
            error = float(np.std(found, ddof=1) / np.sqrt(len(found))) if is_mean else "N/A"
            results[suite][f"{name}_stderr,{FILTER}"] = error
    better = {NAMES.get(name, name): record.higher_is_better for name, record in report.metrics.items()}
    return {
        "results": results,
        "group_subtasks": {suite: [] for suite in suites},
        "configs": {suite: {"task": suite, "metadata": {"signatures": _signatures(report, suite)}} for suite in suites},
        "versions": dict.fromkeys(suites, origin.dataset_sha256[:12]),
        "n-shot": {suite: record.shots for suite, record in report.suites.items()},
        "higher_is_better": dict.fromkeys(suites, better),
        "n-samples": {
            suite: {"original": record.items, "effective": record.items} for suite, record in report.suites.items()
        },
        "config": {
            "model": "xinglin",
            "model_args": {"pretrained": origin.systems[system].origin if system in origin.systems else ""},
            "batch_size": origin.decoding.get("batch_size", ""),
            "random_seed": origin.seed,
        },
        "date": origin.created,
        "model_name": origin.model_versions[system],
        "model_name_sanitized": re.sub(r"[\"<>:/|\\?*\[\]]+", "__", origin.model_versions[system]),
    }


def _of_items(items: Sequence[ItemRecord], suite: str, system: System, metric: str) -> list[float]:
    scores = (item.scores[system] for item in items if item.suite == suite)
    return [of_item[metric] for of_item in scores if metric in of_item]


def _signatures(report: Report, suite: str) -> dict[str, str]:
    return {NAMES.get(name, name): report.metrics[name].signature for name in report.metrics_of(suite)}


def _samples(items: Sequence[ItemRecord], system: System) -> Iterator[dict[str, Any]]:
    """The items of a suite, each as a line of the harness's samples."""
    for number, item in enumerate(items):
        scores = {NAMES.get(name, name): score for name, score in item.scores[system].items()}
        yield {
            "doc_id": number,
            "doc": {"id": item.id, "kind": item.kind, "messages": [list(turn) for turn in item.prompt]},
            "target": item.reference,
            "arguments": [[item.prompt[-1][1]]],
            "resps": [[item.answers[system]]],
            "filtered_resps": [item.answers[system]],
            "filter": FILTER,
            "metrics": list(scores),
            **scores,
        }
