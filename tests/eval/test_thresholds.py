"""Threshold curves of readers, and their place in the report."""

from pathlib import Path

import numpy as np
import pytest

from data_recipes.pipeline.build import BuiltDataset
from data_recipes.schema.manifest import Counts, DatasetManifest, Description
from eval.answers import ModelAnswer, SystemResult
from eval.config import SuiteConfig
from eval.extractive import NO_ANSWER, choose_threshold
from eval.report.assemble import assemble
from eval.report.html import html
from eval.thresholds import threshold_curve
from models.reader import Reading
from tests.eval.test_extractive import item

ITEMS = [item("a", "great"), item("b", "dim"), item("c", NO_ANSWER), item("d", NO_ANSWER), item("e", "great")]
MARGINS = (3.0, 1.0, 0.5, -2.0, -3.0)
SPANS = ("great", "screen", "sound", "sound", "great")
ANSWERS = [
    ModelAnswer(text=span if margin > 0 else NO_ANSWER, margin=margin, span=span)
    for margin, span in zip(MARGINS, SPANS, strict=True)
]


def test_every_point_is_what_that_threshold_gives() -> None:
    points = threshold_curve(ITEMS, ANSWERS)
    assert [point.answered for point in points][::2] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert [point.f1.value for point in points][::2] == pytest.approx([0.4, 0.6, 0.6, 0.4, 0.2, 0.4])
    first, last = points[0], points[-1]
    assert first.threshold is None and first.unanswerable and first.unanswerable.value == 1
    assert last.threshold == -3 and last.answerable and last.answerable.value == pytest.approx(2 / 3)


def test_the_best_point_is_the_one_that_dev_would_choose() -> None:
    readings = [Reading(span, 0, 1, margin) for span, margin in zip(SPANS, MARGINS, strict=True)]
    best = max(point.f1.value for point in threshold_curve(ITEMS, ANSWERS))
    assert choose_threshold(readings, ITEMS).f1 == pytest.approx(best)


def test_other_systems_have_no_curve() -> None:
    assert threshold_curve(ITEMS, [ModelAnswer(text="great")] * len(ITEMS)) == ()


def test_the_report_shows_it(tmp_path: Path) -> None:
    counts = Counts(read=5, kept=5, dropped={})
    about = Description(zh="试", en="test")
    manifest = DatasetManifest(
        name="x", about=about, code="", seed=0, config={}, counts=counts, splits={"test": 5}, descriptions={},
        sources=[], overlap={}, sha256="0" * 64,
    )  # fmt: skip
    dataset = BuiltDataset(tmp_path, manifest, {"test": ITEMS})
    silent = SystemResult(model_version="s", answers={"test": tuple(ModelAnswer(text=NO_ANSWER) for _ in ITEMS)})
    reader = SystemResult(model_version="r", answers={"test": tuple(ANSWERS)})
    report, items = assemble(
        {"base": silent, "tuned": reader}, {"test": ITEMS}, dataset, SuiteConfig(name="x"),
        artifacts={}, metrics_file=None, dtype="float32", command="x",
    )  # fmt: skip
    assert list(report.thresholds["test"]) == ["tuned"] and not report.calibration
    page = html(report, items)
    assert "片段 F1 随作答比例的变化" in page and page.count("<polyline") == 1
    assert np.isfinite(report.thresholds["test"]["tuned"][5].f1.value)
