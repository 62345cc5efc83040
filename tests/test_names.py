"""A word means one thing: no two classes have the same name."""

import ast
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("app", "common", "data_recipes", "domains", "eval", "models", "strategies", "training")


def test_class_names_are_unique() -> None:
    files: dict[str, list[str]] = defaultdict(list)
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    files[node.name].append(str(path.relative_to(ROOT)))
    assert {name: found for name, found in files.items() if len(found) > 1} == {}


def test_test_files_have_names_of_their_own() -> None:
    found = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))  # pytest knows a file by its name alone
    assert [name for name, number in found.items() if number > 1] == []
