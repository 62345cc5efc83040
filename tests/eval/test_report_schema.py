"""The published JSON Schema of ``report.json`` is that of the types, and every report is valid by it."""

import json
import math
import runpy
from pathlib import Path

import jsonschema
import pytest

from data_recipes.pipeline.build import BuiltDataset
from eval.answers import ModelAnswer, SystemResult
from eval.report.assemble import assemble
from eval.report.schema import GateOutcome, RuleOutcome
from tests.eval.conftest import SUITE

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docs/report.schema.json"
SCHEMA = json.loads(FILE.read_text(encoding="utf-8"))


def test_the_schema_is_that_of_the_types() -> None:
    made = runpy.run_path(str(ROOT / "docs/report_schema.py"))["document"]()
    assert FILE.read_text(encoding="utf-8") == made, "run: python docs/report_schema.py > docs/report.schema.json"


def test_a_report_is_valid_also_with_a_loss_that_is_infinite(dataset: BuiltDataset) -> None:
    suites = {name: dataset.splits[name] for name in ("test", "safety")}
    results = {
        system: SystemResult(
            model_version=system,
            answers={
                suite: tuple(ModelAnswer(text="头痛", logprob=logprob, reference_tokens=4) for _ in items)
                for suite, items in suites.items()
            },
        )
        for system, logprob in {"base": -math.inf, "tuned": -3.0}.items()
    }
    report, _ = assemble(results, suites, dataset, SUITE, artifacts={}, metrics_file=None, dtype="x", command="")
    gate = GateOutcome(gate="own", rules=(RuleOutcome(rule="a", verdict="passed", zh="好", en="good"),))
    written = json.loads(report.model_copy(update={"gate": gate}).model_dump_json())
    assert "Infinity" in report.model_dump_json()
    jsonschema.validate(written, SCHEMA)
    del written["suites"]
    with pytest.raises(jsonschema.ValidationError, match="suites"):
        jsonschema.validate(written, SCHEMA)
