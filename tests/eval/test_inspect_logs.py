"""A report as logs of inspect_ai."""

import json
from pathlib import Path

import pytest

from eval.export import main
from tests.eval.test_own_items import ANSWERS, report_on, suite_of


def logs_of(tmp_path: Path) -> Path:
    report_on(suite_of(tmp_path), tmp_path / "out")
    main([f"report={tmp_path / 'out'}", "format=inspect", f"out={tmp_path / 'logs'}"])
    return tmp_path / "logs" / "a_own.json"


def test_a_log_has_every_item_with_its_answer_and_scores(tmp_path: Path) -> None:
    log = json.loads(logs_of(tmp_path).read_text(encoding="utf-8"))
    assert {sample["id"]: sample["output"]["completion"] for sample in log["samples"]} == ANSWERS
    scores = {sample["id"]: sample["scores"].get("emergency") for sample in log["samples"]}
    assert scores == {"a": {"value": 1.0}, "b": {"value": 0.0}, "c": None, "d": None, "e": None, "f": None}
    [emergency] = [score for score in log["results"]["scores"] if score["name"] == "emergency"]
    assert emergency["metrics"]["mean"]["value"] == 0.5
    assert (emergency["scored_samples"], emergency["unscored_samples"]) == (2, 4)


@pytest.mark.slow  # not among the dependencies: pip install inspect_ai==0.3.285
def test_the_library_itself_reads_it(tmp_path: Path) -> None:
    log = pytest.importorskip("inspect_ai.log").read_eval_log(str(logs_of(tmp_path)))
    assert log.status == "success" and log.results.completed_samples == 6
    assert [sample.output.completion for sample in log.samples] == list(ANSWERS.values())
    assert log.samples[1].scores["emergency"].value == 0
