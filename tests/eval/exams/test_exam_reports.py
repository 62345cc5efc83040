"""An exam from the command to the report: two systems, both measures, subject by subject."""

import json
from pathlib import Path

import pytest

from common.command import read_config
from common.errors import UserError
from data_recipes.pipeline.build import BuiltDataset
from eval.config import SuiteConfig
from eval.evaluation import evaluate_candidates
from eval.exams.exam import read_exam
from eval.report.schema import Report
from eval.run import main
from eval.systems import plain_model
from tests.eval.exams.test_exam import suite
from training.stages.sft.config import SftConfig


def words(folder: Path, run: Path, out: Path) -> list[str]:
    exam = ["suite=medical_exam", f"suite.path={folder}", "suite.exam.subjects=[anatomy,nutrition]"]
    asked = ["suite.exam.shots=1", "suite.exam.by=[logprob,generated]", "suite.max_new_tokens=4"]
    return [*exam, *asked, f"model={run}", f"out={out}"]


def test_one_command_compares_a_run_with_its_base(
    folder: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XINGLIN_CACHE", str(tmp_path / "cache"))
    main(words(folder, run, tmp_path / "out"))
    report = Report.load(tmp_path / "out" / "report.json")
    assert list(report.suites) == ["medical_exam_generated", "medical_exam_logprob"]
    logprob, generated = (report.systems["tuned"][f"medical_exam_{how}"] for how in ("logprob", "generated"))
    assert set(logprob) == {"choice_logprob", "choice_logprob_per_character", "choice_calibration_error"}
    assert report.calibration["medical_exam_logprob"]["tuned"].selective[-1].right == logprob["choice_logprob"]
    assert "choice_generated" in generated and "choice_logprob" not in generated and "math_answer" not in generated
    assert logprob["choice_logprob"].n == 12 and 0 <= (logprob["choice_logprob"].low or 0) <= 1
    assert logprob["choice_logprob"] == logprob["choice_logprob_per_character"]  # every option is one letter
    assert set(report.by_kind["base"]["medical_exam_logprob"]) == {"anatomy", "nutrition"}
    assert {c.metric for c in report.comparisons if c.suite == "medical_exam_logprob"} >= {"choice_logprob"}
    assert report.baselines["medical_exam_logprob"]["first_option"]["choice_logprob"].value == pytest.approx(3 / 12)
    assert "anatomy-dev-1" in report.provenance.exams["medical_exam"]
    items = [json.loads(line) for line in (tmp_path / "out" / "items.jsonl").read_text("utf-8").splitlines()]
    assert len(items) == 24 and {item["answers"]["base"] for item in items[12:]} <= set("ABCD")
    assert not report.suites["medical_exam_logprob"].counted["base"].unfinished

    main([*words(folder, run, tmp_path / "out"), "rescore=true"])  # asks nobody
    assert Report.load(tmp_path / "out" / "report.json").systems == report.systems


def test_an_exam_without_its_folder_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"give suite\.path=DIR"):
        main(["suite=general", f"model={run}", f"out={tmp_path / 'out'}"])
    with pytest.raises(UserError, match="path is the folder of an exam"):
        main(["suite=quick", f"suite.path={tmp_path}", f"model={run}", f"out={tmp_path / 'out'}"])


def test_retention_is_a_suite_beside_the_splits_of_a_dataset(
    folder: Path, run: Path, tiny_base: Path, dataset: BuiltDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XINGLIN_CACHE", str(tmp_path / "cache"))
    [config] = read_config("run", ["recipe=medical_qlora", f"retention.path={folder}"], SftConfig)
    assert config.exams == [config.retention] and config.retention is not None
    exam = read_exam(suite(folder, shots=0).model_copy(update={"name": "general"}))
    systems = {"base": plain_model(tiny_base, "tiny", "float32"), "tuned": plain_model(run / "merged", "t", "float32")}
    asked = SuiteConfig(name="tiny", splits=("safety",), max_new_tokens=2)
    report = evaluate_candidates(systems, dataset, asked, tmp_path / "out", metrics_file=None, command="", exams=[exam])
    assert list(report.suites) == ["safety", "general_logprob"]
    [delta] = [c for c in report.comparisons if c.metric == "choice_logprob"]
    assert delta.n == 12 and delta.low is not None and delta.low <= delta.difference <= (delta.high or 0)
    assert report.suites["general_logprob"].zh.startswith("CMMLU（anatomy、nutrition），0 个示例")


def test_nothing_is_asked_of_an_exam_whose_folder_is_not_given() -> None:
    [config] = read_config("run", ["recipe=medical_qlora"], SftConfig)
    assert config.exams == [] and config.retention is not None
