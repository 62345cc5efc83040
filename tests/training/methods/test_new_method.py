"""CONTRIBUTING's "Add a method", followed literally in a copy of the project."""

import re
from pathlib import Path

import pytest

from tests.following import PROJECT, follow, run


@pytest.mark.slow  # the tests of a method, in a copy of the project
def test_one_file_one_line_and_one_configuration_pass_every_test_of_methods(tmp_path: Path) -> None:
    added = follow(PROJECT / "CONTRIBUTING.md", "Add a method", tmp_path)
    assert added == ["training/methods/ln_tuning.py", "configs/method/ln_tuning.yaml"]
    tests = [
        f"tests/training/{name}.py"
        for name in ("methods/test_matrix", "methods/test_methods", "test_memory_plan", "trainer/test_trainer")
    ]
    said = run(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "ln_tuning", *tests)
    (passed,) = re.findall(r"(\d+) passed", said)
    assert int(passed) == 6  # fresh base, chain to engine, record, memory plan, resume, no hub
