"""Scores on all items and on those that overlap with no training data, side by side, and which items these are."""

from pathlib import Path

import pytest

from data_recipes.pipeline.build import BuiltDataset
from eval.answers import ModelAnswer, SystemResult
from eval.report.assemble import assemble
from eval.report.markdown import markdown
from eval.report.schema import ItemRecord, Report
from models.artifact import Artifact
from tests.artifacts import artifact
from tests.eval.conftest import DISEASES, SUITE, symptoms


def evaluated(dataset: BuiltDataset, leaked: int, **artifacts: Artifact) -> tuple[Report, list[ItemRecord]]:
    """A model that is right where the question was trained on, and nowhere else; this many of four were."""
    items = [
        symptoms(disease, n, f"{disease}的常见症状有哪些？" if n < leaked else f"患{disease}会怎样")
        for n, disease in enumerate(DISEASES)
    ]
    answers = tuple(ModelAnswer(text=item.answer if n < leaked else "不清楚") for n, item in enumerate(items))
    results = {name: SystemResult(model_version=name, answers={"test": answers}) for name in ("base", "tuned")}
    suites = {"test": items}
    return assemble(results, suites, dataset, SUITE, artifacts=artifacts, metrics_file=None, dtype="x", command="")


def trained_on(dataset: BuiltDataset) -> Artifact:
    return artifact("merged", dataset=str(dataset.directory), dataset_sha256=dataset.manifest.sha256)


def test_what_was_trained_on_does_not_count_in_the_clean_score(dataset: BuiltDataset) -> None:
    report, items = evaluated(dataset, 1, tuned=trained_on(dataset))
    assert report.systems["tuned"]["test"]["fact_recall"].value == 0.25
    clean = report.clean_scores("test")["fact_recall"]
    assert {system: (score.value, score.n) for system, score in clean.items()} == {"base": (0, 3), "tuned": (0, 3)}
    assert report.suites["test"].overlapping == ("高血压-0",)
    assert [item.overlaps for item in items] == [True, False, False, False]
    assert "事实召回率 · 只计与训练数据无重合的题" in markdown(report)


@pytest.mark.parametrize("leaked", [0, 4])
def test_without_items_of_both_sorts_there_is_nothing_to_compare(leaked: int, dataset: BuiltDataset) -> None:
    report, _ = evaluated(dataset, leaked, tuned=trained_on(dataset))
    assert report.clean_scores("test") == {} and len(report.suites["test"].overlapping) == leaked


def test_where_the_training_data_is_unknown_nothing_is_called_clean(dataset: BuiltDataset, tmp_path: Path) -> None:
    report, items = evaluated(dataset, 1)
    assert report.clean_scores("test") == {} and not any(item.overlaps for item in items)
