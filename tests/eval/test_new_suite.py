"""A suite is added to a copy of the project as CONTRIBUTING.md says, and chooses the items that it names."""

from pathlib import Path

import pytest

from data_recipes.pipeline.build import BuiltDataset
from tests import following

CHOOSE = """
import sys
from pathlib import Path

from common.command import read_config
from data_recipes.dataset.dataset import load
from eval.config import EvalConfig
from eval.suites import select

[config] = read_config("eval", ["suite=unseen", "model=unused", "out=unused"], EvalConfig)
chosen = select(load(Path(sys.argv[1])).splits, config.suite)
print({split: len(items) for split, items in chosen.items()})
"""


@pytest.mark.slow  # every suite is read by test_command.py
def test_a_new_suite_is_one_file(medical: BuiltDataset, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    added = following.follow(following.PROJECT / "CONTRIBUTING.md", "Add a suite", copy)
    assert added == ["configs/suite/unseen.yaml"]
    items = min(50, len(medical.splits["unseen_entity"]))
    assert following.run(copy, "-c", CHOOSE, str(medical.directory)).strip() == f"{{'unseen_entity': {items}}}"
    assert "unseen" in following.run(copy, "eval/run.py", "--help")
