"""``eval/run.py`` from a finished run to the four files, and what it says to wrong input."""

import subprocess
import sys
from pathlib import Path

import pytest

from data_recipes.build import BuiltDataset
from eval.config import SuiteConfig
from eval.evaluation import evaluate_and_report
from eval.report.schema import ItemRecord, Report
from models.artifact import Artifact
from models.engines.engine import Engine
from models.engines.local import load_engine
from tests.eval.conftest import SUITE

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, run: Path, tiny_base: Path, dataset: BuiltDataset) -> Path:
    directory = tmp_path_factory.mktemp("report")
    _report(run, tiny_base, dataset, directory)
    return directory


def _report(run: Path, base: Path, dataset: BuiltDataset, out: Path) -> Report:
    return evaluate_and_report(
        lambda: load_engine(base),
        lambda: load_engine(run),
        dataset,
        SUITE,
        out,
        artifact=Artifact.load(run),
        metrics_file=run / "metrics.jsonl",
        command="python eval/run.py model=RUN out=DIR",
        dtype="float32",
    )


def test_base_and_tuned_are_compared_on_every_test_split(out: Path) -> None:
    report = Report.load(out / "report.json")
    assert list(report.systems) == ["base", "tuned"]
    assert list(report.systems["tuned"]) == ["test", "safety"]
    assert report.systems["tuned"]["test"]["fact_recall"].n == 9
    assert report.systems["tuned"]["safety"]["emergency"].value == 1.0
    print(report.summary())
