"""From answers to verdicts: loops are counted for every system, and one that loops is not called better."""

import pytest

from data_recipes.pipeline.build import BuiltDataset
from eval.answers import ModelAnswer, SystemResult
from eval.report.assemble import assemble
from eval.report.schema import Report
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
