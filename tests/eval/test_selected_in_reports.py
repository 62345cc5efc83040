"""Which values of a training a model has, where the dev loss decided, is said in its report."""

import pytest

from data_recipes.pipeline.build import BuiltDataset
from eval.answers import ModelAnswer, SystemResult
from eval.report.assemble import assemble
from eval.report.wording import origin_lines
from models.artifact import SelectedRecord
from tests.artifacts import artifact
from tests.eval.conftest import SUITE, example

SELECTED = SelectedRecord(step=6, steps=12, dev_loss=2.0, evaluations=4, stopped_early=True)
ITEMS = [example("病1-1", "病1有什么症状？", "常见症状有头痛和恶心。", facts=("头痛", "恶心"))]


@pytest.mark.parametrize("selected", [SELECTED, None])
def test_the_report_names_the_step(dataset: BuiltDataset, selected: SelectedRecord | None) -> None:
    results = {
        name: SystemResult(model_version=name, answers={"test": (ModelAnswer(text="头痛。"),)})
        for name in ("base", "tuned")
    }
    report, _ = assemble(
        results,
        {"test": ITEMS},
        dataset,
        SUITE,
        artifacts={"tuned": artifact("prefix", selected=selected)},
        metrics_file=None,
        dtype="x",
        command="",
    )
    said = [value for name, value in origin_lines(report) if name.en == "Values kept"]
    assert said == ([str(SELECTED)] if selected else [])
