"""From answers to verdicts: loops are counted for every system, and one that loops is not called better."""

import pytest

from data_recipes.pipeline.build import BuiltDataset
from eval.answers import FinishReason, ModelAnswer, SystemResult
from eval.report.assemble import assemble
from eval.report.schema import Report
from eval.report.wording import outcome, outcome_tone, sentence
from tests.eval.conftest import SUITE, example

ITEMS = [
    example(f"病{i}-1", f"病{i}有什么症状？", "常见症状有头痛和恶心。", facts=("头痛", "恶心")) for i in range(100)
]


def evaluated(dataset: BuiltDataset, looping: int) -> Report:
    """A base that knows nothing against a tuned model that is right, and in so many answers repeats it."""
    tuned = [item.answer * 20 if i < looping else item.answer for i, item in enumerate(ITEMS)]
    results = {
        "base": SystemResult(model_version="b", answers={"test": tuple(ModelAnswer(text="不知道。") for _ in ITEMS)}),
        "tuned": SystemResult(model_version="t", answers={"test": tuple(ModelAnswer(text=text) for text in tuned)}),
    }
    suites = {"test": ITEMS}
    report, _ = assemble(results, suites, dataset, SUITE, artifacts={}, metrics_file=None, dtype="x", command="")
    return report


@pytest.mark.parametrize(("looping", "expected"), [(0, "better"), (2, "better"), (3, "loops"), (60, "loops")])
def test_more_than_two_per_cent_of_loops_forbid_better(dataset: BuiltDataset, looping: int, expected: str) -> None:
    report = evaluated(dataset, looping)
    counted = report.suites["test"].counted
    assert (counted["base"].loops, counted["tuned"].loops) == (0, looping)
    comparison = report.comparison("test", "fact_recall")
    assert comparison is not None and comparison.verdict == expected
    assert report.verdicts["better" if expected == "loops" else "loops"] == 0


def alike(dataset: BuiltDataset, base: str, tuned: str) -> Report:
    """Two systems that say the same thing of everything."""
    results = {
        system: SystemResult(model_version=system, answers={"test": tuple(ModelAnswer(text=text) for _ in ITEMS)})
        for system, text in {"base": base, "tuned": tuned}.items()
    }
    suites = {"test": ITEMS}
    report, _ = assemble(results, suites, dataset, SUITE, artifacts={}, metrics_file=None, dtype="x", command="")
    return report


def test_a_model_that_loops_anew_is_said_to_whatever_the_scores_are(dataset: BuiltDataset) -> None:
    report = alike(dataset, "不知道。", "多喝水。" * 40)
    assert outcome(report).en == "Loops after tuning" and outcome_tone(report) == "bad"
    assert "Answers loop (tuned 100.0%; at most 2%)." in sentence(report).en
    assert "loop" not in sentence(alike(dataset, "不知道。", "不清楚。")).en


@pytest.mark.parametrize(("reason", "verdict"), [("stop", "equivalent"), ("length", "no difference shown")])
def test_answers_that_were_cut_are_not_equivalent(dataset: BuiltDataset, reason: FinishReason, verdict: str) -> None:
    half = [ModelAnswer(text="头痛" if i % 2 else "恶心", finish_reason=reason) for i in range(len(ITEMS))]
    results = {name: SystemResult(model_version=name, answers={"test": tuple(half)}) for name in ("base", "tuned")}
    other = list(half)
    other[0] = ModelAnswer(text="", finish_reason=reason)
    results["tuned"] = SystemResult(model_version="tuned", answers={"test": tuple(other)})
    report, _ = assemble(
        results, {"test": ITEMS}, dataset, SUITE, artifacts={}, metrics_file=None, dtype="x", command=""
    )
    comparison = report.comparison("test", "fact_recall")
    assert comparison is not None and comparison.verdict == verdict
