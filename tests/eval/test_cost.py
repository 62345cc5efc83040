"""Tokens and seconds per answer stand beside the scores, as far as they are known."""

from data_recipes.pipeline.build import BuiltDataset
from eval.answers import ModelAnswer, SystemResult
from eval.report.assemble import assemble
from eval.report.markdown import markdown
from eval.report.schema import Cost
from tests.eval.conftest import SUITE, symptoms

GIVEN = {
    "base": (ModelAnswer(text="头痛", tokens=2), ModelAnswer(text="头痛和头晕", tokens=5)),
    "served": (
        ModelAnswer(text="头痛", tokens=3, prompt_tokens=9, calls=5, seconds=0.5),
        ModelAnswer(text="", finish_reason="failed", seconds=None),  # no answer, no cost
    ),
    "silent": (ModelAnswer(text="头痛", seconds=1.0), ModelAnswer(text="头晕", seconds=2.0)),
}


def test_cost_is_that_of_the_answers_that_were_given(dataset: BuiltDataset) -> None:
    items = [symptoms("高血压", number, "得了高血压会怎样") for number in range(2)]
    results = {name: SystemResult(model_version=name, answers={"test": given}) for name, given in GIVEN.items()}
    suites = {"test": items}
    report, _ = assemble(results, suites, dataset, SUITE, artifacts={}, metrics_file=None, dtype="x", command="")
    assert report.suites["test"].cost == {
        "base": Cost(tokens=3.5, calls=1, seconds=None, timed=0),
        "served": Cost(tokens=3, prompt_tokens=9, calls=5, seconds=0.5, timed=1),
        "silent": Cost(tokens=None, calls=1, seconds=1.5, timed=2),
    }
    assert "| Tokens and time per answer | 3.5 tokens | 3.0 tokens, 0.50 s, 5.0 calls | 1.50 s |" in markdown(report)
