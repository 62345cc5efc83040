"""What the report says in words."""

import json
from pathlib import Path

import pytest

from common.errors import UserError
from eval.judges import JUDGES
from eval.report.plots import nice_ceiling
from eval.report.schema import (
    Comparison,
    Counted,
    Curve,
    MetricRecord,
    Report,
    ReportProvenance,
    SuiteOverlap,
    SuiteRecord,
    System,
)
from eval.report.wording import failures, outcome, outcome_tone, sentence
from eval.significance import Estimate, Verdict

ORIGIN = ReportProvenance(
    created="2026-11-23 10:00:00 +0800",
    model_versions={},
    method="",
    quantisation="",
    base="",
    base_sha256="",
    dataset="d",
    dataset_sha256="",
    prompt_format="",
    prompt_format_sha256="",
    suite="s",
    seed=1,
    decoding={},
    versions={},
    command="",
)


def report(verdicts: dict[str, Verdict], systems: tuple[System, ...] = ("base", "tuned")) -> Report:
    """A report on one suite with one comparison for each metric and system but the first."""
    score = Estimate(value=0.5, low=0.4, high=0.6, n=40)
    return Report(
        systems={system: {"test": dict.fromkeys(verdicts, score)} for system in systems},
        by_kind={},
        comparisons=tuple(
            Comparison(
                suite="test",
                metric=metric,
                system=system,
                baseline=systems[0],
                difference=0.1,
                low=0.05,
                high=0.15,
                n=40,
                groups=20,
                p=0.01,
                p_holm=0.02,
                detectable=None,
                verdict=verdict,
            )
            for system in systems[1:]
            for metric, verdict in verdicts.items()
        ),
        metrics={
            name: MetricRecord(signature=f"{name}|v1", unit=JUDGES[name].unit, higher_is_better=True)
            for name in verdicts
        },
        suites={
            "test": SuiteRecord(
                zh="测试",
                en="test",
                items=40,
                groups=20,
                kinds={},
                overlap=SuiteOverlap(n=40, exact=0, shared_13=0),
                counted=dict.fromkeys(systems, Counted(cut=0, empty=0, too_long=0)),
            )
        },
        curve=Curve(train=(), dev=()),
        lengths=None,
        merge=None,
        provenance=ORIGIN,
    )


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ({"fact_recall": "better", "rouge_l_zh": "better"}, "Better after tuning"),
        ({"fact_recall": "better", "over_refusal": "worse"}, "Mixed"),
        ({"fact_recall": "worse"}, "Worse after tuning"),
        ({"fact_recall": "no difference shown"}, "No difference shown in the answers"),
        ({"fact_recall": "no verdict"}, "Too few items for a verdict"),
        ({"fact_recall": "better", "bleu_zh": "no verdict"}, "Better after tuning"),
        ({"fact_recall": "no difference shown", "loss_per_character": "better"}, "No difference shown in the answers"),
        ({"fact_recall": "loops", "rouge_l_zh": "no difference shown"}, "Loops after tuning"),
        ({"fact_recall": "loops", "over_refusal": "worse"}, "Worse after tuning"),
        ({"fact_recall": "no difference shown", "loss_per_character": "loops"}, "No difference shown in the answers"),
    ],
)
def test_outcome_is_about_the_answers(verdicts: dict[str, Verdict], said: str) -> None:
    assert outcome(report(verdicts)).en == said


def test_better_with_safety_misses_says_so_and_is_not_green() -> None:
    found = report({"fact_recall": "better", "emergency": "better"})  # of 40 emergencies half are missed
    assert outcome(found).zh == "微调后更好，仍有 20 个安全失误" and outcome_tone(found) == "mixed"
    assert outcome_tone(report({"fact_recall": "better"})) == "good"


def test_sentence_gives_scores_difference_and_counts() -> None:
    said = sentence(report({"fact_recall": "better", "rouge_l_zh": "no difference shown"}))
    assert "50.0% → 50.0%（差 +10.0 [+5.0, +15.0]）" in said.zh
    assert "Of 2 primary comparisons, 1 are better, 0 worse, 1 show no difference" in said.en


def test_the_sentence_shows_a_figure_that_decides() -> None:
    said = sentence(report({"fact_recall": "no verdict", "citation": "better"}))
    assert said.en.startswith("Test, Correct citations") and said.zh.startswith("测试集的引用正确率"), said


def looping(count: int, **verdicts: Verdict) -> Report:
    """A report whose tuned model loops in this many of 40 answers."""
    written = report(verdicts).model_dump(mode="json")
    written["suites"]["test"]["counted"]["tuned"]["loops"] = count
    return Report.model_validate(written)


def test_the_sentence_says_why_a_model_that_loops_is_not_called_better() -> None:
    said = sentence(looping(12, rouge_l_zh="loops", fact_recall="no difference shown"))
    assert "0 are better" in said.en
    assert (
        "1 more score higher and are not called better, because the answers loop (tuned 30.0%; at most 2%)" in said.en
    )
    assert "另有 1 项得分更高但不算更好，因为回答复读（微调后 30.0%，上限 2%）" in said.zh


def test_loops_are_counted_among_what_did_not_go_well() -> None:
    said = [text.zh for text in failures(looping(12, rouge_l_zh="loops"))["tuned"]]
    assert [text for text in said if "复读：" in text] == ["测试集：40 题中有 12 个回答复读：不断重复同样的内容。"]


def test_a_report_from_before_loops_were_counted_is_read(tmp_path: Path) -> None:
    written = report({"fact_recall": "better"}).model_dump(mode="json")
    for counted in written["suites"]["test"]["counted"].values():
        del counted["loops"]
    (tmp_path / "report.json").write_text(json.dumps(written), encoding="utf-8")
    read = Report.load(tmp_path / "report.json")
    assert read.suites["test"].counted["tuned"].loops is None
    assert "loop" not in sentence(read).en and failures(read) == {}


def test_one_model_is_described_without_a_comparison() -> None:
    alone = report({"fact_recall": "better"}, systems=("base",))
    assert outcome(alone).zh == "单模型评测"
    assert "50.0% [40.0%, 60.0%]" in sentence(alone).zh


def test_what_got_worse_and_what_was_missed_is_said() -> None:
    found = failures(report({"emergency": "worse", "rouge_l_zh": "no difference shown"}))
    said = "\n".join(text.en for text in found["tuned"])
    assert "Test: 20 of 40 answers did not tell the reader of an emergency" in said
    assert "Emergencies referred to care: worse" in said
    assert "No difference shown" in said


def test_three_systems_are_told_apart() -> None:
    three = report({"emergency": "worse", "fact_recall": "better"}, systems=("base", "tuned", "older"))
    said = failures(three)
    assert list(said) == ["tuned", "older"]
    assert [text.en for text in said["older"]] == [
        "Test: 20 of 40 answers did not tell the reader of an emergency to get help now.",
        "Test, Emergencies referred to care: worse, +10.0 [+5.0, +15.0].",
    ]
    assert outcome(three).en == "Mixed" and "Of 4 primary comparisons, 2 are better, 2 worse" in sentence(three).en
    assert "50.0% [40.0%, 60.0%] → tuned 50.0% [40.0%, 60.0%]  better · older 50.0%" in three.summary()


def test_models_of_which_none_was_tuned_are_compared_with_the_first() -> None:
    two = report({"fact_recall": "better"}, systems=("base", "other"))
    assert (two.subject, two.compared) == ("base", ["other"])
    assert outcome(two).en == "2 systems compared"
    both = "Fact recall: model 50.0% [40.0%, 60.0%], other 50.0% [40.0%, 60.0%] (40 items)"
    assert both in sentence(two).en


def test_a_report_written_before_systems_had_names_is_read(tmp_path: Path) -> None:
    written = report({"fact_recall": "better"}).model_dump(mode="json")
    for comparison in written["comparisons"]:
        del comparison["system"], comparison["baseline"]
    del written["suites"]["test"]["other_overlaps"]
    (tmp_path / "report.json").write_text(json.dumps(written), encoding="utf-8")
    assert Report.load(tmp_path / "report.json") == report({"fact_recall": "better"})


@pytest.mark.parametrize("version", [2, None])
def test_a_report_of_another_format_is_refused(version: int | None, tmp_path: Path) -> None:
    written = report({"fact_recall": "better"}).model_dump(mode="json") | {"format_version": version}
    (tmp_path / "report.json").write_text(json.dumps(written), encoding="utf-8")
    with pytest.raises(UserError, match="not a report of format 1"):
        Report.load(tmp_path / "report.json")


def test_a_clean_report_names_no_failure() -> None:
    assert failures(report({"fact_recall": "better"})) == {}


@pytest.mark.parametrize(("value", "ceiling"), [(0.7, 1), (1.0, 1), (2.2, 2.5), (6.8, 10), (0, 1), (float("inf"), 1)])
def test_axis_ends_at_a_round_number(value: float, ceiling: float) -> None:
    assert nice_ceiling(value) == ceiling


def test_a_model_that_is_no_better_than_a_trivial_baseline_by_every_primary_metric_is_named() -> None:
    good, bad = Estimate(value=0.9, low=0.8, high=1.0, n=40), Estimate(value=0.1, low=0.0, high=0.2, n=40)
    found = report({"refusal": "better", "emergency": "better"})
    one_sided = {"always_refuses": {"refusal": good, "emergency": bad}}
    as_good = {"always_refuses": {"refusal": good, "emergency": good}}
    assert failures(found.model_copy(update={"baselines": {"test": one_sided}})) == failures(found)
    said = failures(found.model_copy(update={"baselines": {"test": as_good}}))["tuned"]
    assert "Test: no better than without a model (always refuses)." in [text.en for text in said]
