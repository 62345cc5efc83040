"""Verdicts are for the primary metrics, which are known before anything is measured, and for enough items."""

import pytest

from data_recipes.pipeline.build import BuiltDataset
from eval.answers import ModelAnswer, SystemResult
from eval.judges import JUDGES, primary
from eval.report.assemble import assemble
from eval.report.schema import Report
from eval.significance import LEAST_ITEMS
from tests.eval.conftest import SUITE, example


def evaluated(dataset: BuiltDataset, items: int, facts: tuple[str, ...]) -> Report:
    """A base that knows nothing against a tuned model that is right."""
    examples = [example(f"病{i}-1", f"病{i}有什么症状？", "常见症状有头痛和恶心。", facts=facts) for i in range(items)]
    results = {
        system: SystemResult(
            model_version=system, answers={"test": tuple(ModelAnswer(text=text or e.answer) for e in examples)}
        )
        for system, text in {"base": "不知道。", "tuned": ""}.items()
    }
    suites = {"test": examples}
    report, _ = assemble(results, suites, dataset, SUITE, artifacts={}, metrics_file=None, dtype="x", command="")
    return report


@pytest.mark.parametrize(("facts", "metric"), [(("头痛", "恶心"), "fact_recall"), ((), "rouge_l_zh")])
def test_only_primary_metrics_get_a_verdict(dataset: BuiltDataset, facts: tuple[str, ...], metric: str) -> None:
    report = evaluated(dataset, 40, facts)
    assert len(report.comparisons) > 1
    for comparison in report.comparisons:
        decides = comparison.metric == metric
        assert comparison.verdict == ("better" if decides else "no verdict")
        assert (comparison.p_holm is None) != decides


def test_the_correction_counts_the_primary_comparisons_alone(dataset: BuiltDataset) -> None:
    comparison = evaluated(dataset, 40, ("头痛",)).comparison("test", "fact_recall")
    assert comparison is not None and comparison.p_holm == comparison.p


@pytest.mark.parametrize(("items", "verdict"), [(LEAST_ITEMS - 1, "no verdict"), (LEAST_ITEMS, "better")])
def test_few_items_get_no_verdict(dataset: BuiltDataset, items: int, verdict: str) -> None:
    comparison = evaluated(dataset, items, ("头痛",)).comparison("test", "fact_recall")
    assert comparison is not None and comparison.verdict == verdict


def test_what_is_primary_follows_from_the_metrics_that_apply() -> None:
    assert primary(JUDGES) and all(JUDGES[name].prominence == "headline" for name in primary(JUDGES))
    assert primary(["bleu_zh", "rouge_l_zh"]) == ["rouge_l_zh"]
