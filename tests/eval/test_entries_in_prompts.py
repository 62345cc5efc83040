"""Entries in prompts: the report says how they were written, and another form than in training is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common.errors import Refused
from data_recipes.pipeline.build import BuiltDataset
from data_recipes.schema.manifest import GroundingUsed
from eval.answers import ModelAnswer, SystemRecord, SystemResult
from eval.config import SuiteConfig
from eval.evaluation import Candidate, choosing_in_this_process, evaluate_candidates, in_this_process
from eval.report.assemble import assemble
from eval.report.wording import origin_lines
from models.artifact import NO_ENTRIES, GroundingRecord
from tests.artifacts import artifact

TRAINED = GroundingRecord(kind="entries", template="entries_1", sha256="ab" * 32, entries=3, attributes=2, budget=200)
ASKED = GroundingUsed(kind="entries", template="entries_2", sha256="cd" * 32, entries=3, attributes=2)


class _Loaded(Exception):
    """The check before the model is loaded has passed."""


def with_grounding(dataset: BuiltDataset, used: GroundingUsed | None) -> BuiltDataset:
    return replace(dataset, manifest=dataset.manifest.model_copy(update={"grounding": used}))


def evaluate(dataset: BuiltDataset, trained: GroundingRecord | None, out: Path) -> None:
    def load() -> Any:
        raise _Loaded

    record = SystemRecord(name="tuned", kind="merged", origin="")
    ask, choose = in_this_process(load), choosing_in_this_process(load)
    candidate = Candidate(record, ask, choose, (str(out),), artifact("merged", grounding=trained))
    evaluate_candidates({"tuned": candidate}, dataset, SuiteConfig(name="s"), out, metrics_file=None, command="")


def test_another_form_of_entries_than_in_training_is_refused(dataset: BuiltDataset, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"tuned was trained with the entries .* entries_1 .* has them as entries_2"):
        evaluate(with_grounding(dataset, ASKED), TRAINED, tmp_path)


@pytest.mark.parametrize(
    ("trained", "asked"),
    [
        (TRAINED, ASKED.model_copy(update={"sha256": TRAINED.sha256})),
        (TRAINED, GroundingUsed()),  # closed-book, on purpose
        (TRAINED, None),
        (NO_ENTRIES, ASKED),
        (None, ASKED),
    ],
)
def test_everything_else_may_be_asked(
    trained: GroundingRecord | None, asked: GroundingUsed | None, dataset: BuiltDataset, tmp_path: Path
) -> None:
    with pytest.raises(_Loaded):
        evaluate(with_grounding(dataset, asked), trained, tmp_path)


@pytest.mark.parametrize(("used", "shown"), [(ASKED, True), (GroundingUsed(), False), (None, False)])
def test_the_report_says_how_entries_were_written(
    used: GroundingUsed | None, shown: bool, dataset: BuiltDataset
) -> None:
    suites = {"safety": dataset.splits["safety"]}
    answers = {"safety": tuple(ModelAnswer(text="") for _ in suites["safety"])}
    report, _ = assemble(
        {"base": SystemResult(model_version="m", answers=answers)},
        suites,
        with_grounding(dataset, used),
        SuiteConfig(name="s"),
        artifacts={},
        metrics_file=None,
        dtype="float32",
        command="",
    )
    lines = {name.en: value for name, value in origin_lines(report)}
    assert ("Entries in the prompt" in lines) == shown
    if shown:
        assert lines["Entries in the prompt"] == f"entries_2, SHA-256 {ASKED.sha256}, 3 entries"
