"""What the harness reads: tasks that give the same texts, and results with its standard errors."""

import json
import statistics
from pathlib import Path

import pytest
import yaml
from jinja2 import Environment

from eval.exams.exam import read_exam
from eval.exams.harness import write_tasks
from eval.export import main as export
from tests.eval.exams.test_exam import suite


@pytest.mark.parametrize("shots", [0, 2])
def test_a_task_renders_to_the_texts_that_are_asked_here(folder: Path, tmp_path: Path, shots: int) -> None:
    exam = read_exam(suite(folder, shots=shots))
    render = Environment(keep_trailing_newline=True).from_string  # as the harness
    for task in write_tasks(exam, tmp_path):
        config = yaml.safe_load((tmp_path / f"{task}.yaml").read_text("utf-8"))
        files = {split: Path(file).read_text("utf-8") for split, file in config["dataset_kwargs"]["data_files"].items()}
        rows = {split: [json.loads(line) for line in text.splitlines()] for split, text in files.items()}
        shown = rows.get("dev", [])[: config["num_fewshot"]]
        before = config["description"]
        for row in shown:
            before += render(config["doc_to_text"]).render(row) + config["target_delimiter"] + row["answer"]
            before += config["fewshot_delimiter"]
        texts = {row["id"]: before + render(config["doc_to_text"]).render(row) for row in rows["test"]}
        items = [item for item in exam.items if task.endswith(item.example.kind)]
        assert texts == {item.example.id: item.context for item in items}
        rights = [render(config["doc_to_target"]).render(row) for row in rows["test"]]
        assert rights == [str("ABCD".index(item.example.result)) for item in items]


def test_results_have_the_harness_s_names_and_standard_errors(
    folder: Path, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eval.run import main

    monkeypatch.setenv("XINGLIN_CACHE", str(tmp_path / "cache"))
    subjects = "suite.exam.subjects=[anatomy,nutrition]"
    out = tmp_path / "out"
    main(
        [
            "suite=medical_exam",
            f"suite.path={folder}",
            subjects,
            "suite.exam.shots=1",
            f"model={tiny_base}",
            f"out={out}",
        ]
    )
    export([f"report={out}", f"out={tmp_path / 'results'}"])
    [results] = (tmp_path / "results" / "base").glob("results_*.json")
    [samples] = (tmp_path / "results" / "base").glob("samples_medical_exam_logprob_*.jsonl")
    found = json.loads(results.read_text("utf-8"))
    scores = [json.loads(line)["acc"] for line in samples.read_text("utf-8").splitlines()]
    of_suite = found["results"]["medical_exam_logprob"]
    assert len(scores) == 12 and of_suite["acc,none"] == pytest.approx(statistics.mean(scores))
    assert of_suite["acc_stderr,none"] == pytest.approx(statistics.stdev(scores) / 12**0.5)
    assert found["n-shot"] == {"medical_exam_logprob": 1} and found["higher_is_better"]["medical_exam_logprob"]["acc"]
