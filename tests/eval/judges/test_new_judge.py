"""A judge is added to a copy of the project as CONTRIBUTING.md says, and the report is written."""

import json
import re
import shutil
from pathlib import Path
from textwrap import dedent

import pytest

from data_recipes.pipeline.build import BuiltDataset
from tests import commands

PROJECT = Path(__file__).parents[3]
EVALUATE = """
import sys
from pathlib import Path

sys.path.append(sys.argv[3])  # what is not copied

from data_recipes.dataset.dataset import load
from eval.answers import ModelAnswer, SystemResult
from eval.config import SuiteConfig
from eval.report.assemble import assemble
from eval.report.write import write_report
from eval.suites import select

dataset, config = load(Path(sys.argv[1])), SuiteConfig(name="all")
suites = select(dataset.splits, config)
results = {
    system: SystemResult(
        model_version=system,
        answers={suite: tuple(ModelAnswer(text=text or e.answer) for e in items) for suite, items in suites.items()},
    )
    for system, text in {"base": "太长的回答" * 20, "tuned": ""}.items()
}
report, items = assemble(
    results, suites, dataset, config, artifacts={}, metrics_file=None, dtype="float32", command="eval/run.py"
)
write_report(report, items, Path(sys.argv[2]))
print(report.summary())
"""


@pytest.mark.slow  # in a copy of the project
def test_a_new_judge_is_one_folder_and_one_line(dataset: BuiltDataset, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(
        PROJECT / "eval", copy / "eval"
    )  # what is already compiled too; the other packages stay as they are
    recipe = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Add a judge")[2]
    code = re.search(r"```python\n(.*?)```", recipe, re.DOTALL)
    assert code
    (copy / "eval/judges/brevity").mkdir()
    (copy / "eval/judges/brevity/__init__.py").write_text('"""Brevity."""\n')
    (copy / "eval/judges/brevity/judge.py").write_text(dedent(code[1]), encoding="utf-8")
    table = copy / "eval/judges/__init__.py"
    lines = table.read_text(encoding="utf-8")
    for mark, line in (
        ("from eval.judges.citation", "from eval.judges.brevity import judge as brevity\n"),
        ("        # a new judge is added here", "        *brevity.JUDGES,\n"),
    ):
        assert lines.count(mark) == 1
        lines = lines.replace(mark, line + mark)
    table.write_text(lines, encoding="utf-8")

    words = (str(dataset.directory), str(tmp_path / "report"), str(PROJECT))
    printed = commands.run("-c", EVALUATE, *words, project=copy, cwd=copy)
    report = json.loads((tmp_path / "report/report.json").read_text(encoding="utf-8"))
    scores = {system: by_suite["test"]["brevity"] for system, by_suite in report["systems"].items()}
    assert {system: (score["value"], score["n"]) for system, score in scores.items()} == {
        "base": (0, 9),
        "tuned": (1, 9),
    }
    assert report["metrics"]["brevity"]["signature"] == "brevity|characters|v1"
    assert "brevity" in printed
    for name in ("index.html", "report.md"):
        text = (tmp_path / "report" / name).read_text(encoding="utf-8")
        assert "简短率" in text and "Brief answers" in text
