"""Answers that are no whole ones: they are counted for every system, and nothing is called better by them."""

import pytest

from data_recipes.pipeline.build import BuiltDataset
from eval.answers import FinishReason, ModelAnswer, SystemResult
from eval.report.assemble import assemble
from eval.report.schema import Report
from eval.report.wording import failures, outcome, sentence
from tests.eval.conftest import SUITE, example

ITEMS = [
    example(f"病{i}-1", f"病{i}有什么症状？", "常见症状有头痛和恶心。", facts=("头痛", "恶心")) for i in range(100)
]
WRONG, MIDDLING, RIGHT = "要看情况，先说说", "常见症状有头痛，别的再看。", "常见症状有头痛和恶心。"


def answers(text: str, odd: int = 0, reason: FinishReason = "length", odd_text: str | None = None) -> SystemResult:
    """The first answers are odd, the others whole."""
    given = [ModelAnswer(text=text if odd_text is None else odd_text, finish_reason=reason) for _ in range(odd)]
    whole = [ModelAnswer(text=text) for _ in range(len(ITEMS) - odd)]
    return SystemResult(model_version="m", answers={"test": (*given, *whole)})


def evaluated(dataset: BuiltDataset, **results: SystemResult) -> Report:
    report, _ = assemble(
        results, {"test": ITEMS}, dataset, SUITE, artifacts={}, metrics_file=None, dtype="x", command=""
    )
    return report


def verdicts(report: Report) -> dict[str, str]:
    found = {system: report.comparison("test", "fact_recall", system) for system in report.compared}
    return {system: comparison.verdict for system, comparison in found.items() if comparison}


def test_more_than_two_per_cent_forbid_better(dataset: BuiltDataset) -> None:
    report = evaluated(
        dataset,
        base=answers(WRONG, 2),
        whole=answers(RIGHT),
        two=answers(RIGHT, 2),
        three=answers(RIGHT, 3),
        empty=answers(RIGHT, 3, "stop", "  "),
        long=answers(RIGHT, 3, "too_long", ""),
        failed=answers(RIGHT, 3, "failed", ""),
    )
    others = dict.fromkeys(("three", "empty", "long", "failed"), "unfinished")
    assert verdicts(report) == {"whole": "better", "two": "better", **others}
    counted = report.suites["test"].counted
    assert (counted["three"].cut, counted["empty"].empty, counted["long"].too_long, counted["failed"].failed) == (
        3,
    ) * 4


@pytest.mark.parametrize(
    ("base", "better", "worse"),
    [
        (answers(MIDDLING, 3), "unfinished", "worse"),
        (answers(MIDDLING, 100, "length", MIDDLING * 20), "better", "worse"),  # more tokens would not help
        (answers(MIDDLING, 100, "repetition_detected", MIDDLING * 20), "better", "worse"),
    ],
)
def test_a_base_that_could_not_finish_is_not_beaten_by_it(
    base: SystemResult, better: str, worse: str, dataset: BuiltDataset
) -> None:
    report = evaluated(dataset, base=base, right=answers(RIGHT), wrong=answers(WRONG, 100))
    assert verdicts(report) == {"right": better, "wrong": worse}


def test_a_base_that_was_cut_is_named_at_the_top_and_among_what_did_not_go_well(dataset: BuiltDataset) -> None:
    report = evaluated(dataset, base=answers(WRONG, 24), tuned=answers(RIGHT))
    assert outcome(report).zh == "回答不完整，不作结论"
    said = sentence(report)
    assert "（测试集，基座 24 / 100；上限 2%）" in said.zh and "suite.max_new_tokens=null" in said.en
    assert [text.en for text in failures(report)["base"]] == ["Test: 24 of 100 answers were cut at the token limit."]
