"""docs/upstream.md cannot go stale: it agrees with the canaries, the code and the tested versions."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from canary import CODE, LIST, ROOT, Row, rows

FOLDERS = ("app", "common", "data_recipes", "domains", "eval", "models", "strategies", "training")
DOCUMENTED = re.compile(
    r"(fastapi(?!\.sse)|starlette|pyarrow|pydantic|numpy|safetensors\.(torch|numpy)|scipy|markdown_it\.tree|torch\.utils|huggingface_hub\.errors"
    r"|hydra\.errors|omegaconf\.errors|sacrebleu\.metrics|bitsandbytes\.nn|transformers\.utils\.logging"
    r"|transformers\.modeling_outputs|rapidfuzz\.distance|sqlalchemy|alembic|redis|opentelemetry|prometheus_client\.multiprocess|pypdf\.errors)(\.|$)"
)
"""Modules below the top that their libraries document."""
PROMISED = {"EventSourceResponse", "HydraException", "_info", "_compute", "_replace", "_asdict", "_exit"}
"""Documented names that look private, or come from a module that is not documented as a whole."""


def test_every_canary_has_its_row_and_every_row_its_canary() -> None:
    canaries = []
    for file in sorted(Path(__file__).parent.glob("test_*_internals.py")):
        canaries += re.findall(r"^def (test_\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(canaries) == sorted(row.test for row in rows())


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.test)
def test_every_row_speaks_of_code_that_is_there(row: Row) -> None:
    texts = [(ROOT / place).read_text(encoding="utf-8") for place in row.where]
    for name in row.what:
        word = name if "/" in name or name.endswith((".", ".txt")) else name.rpartition(".")[2]
        assert any(word in text for text in texts), f"no file of this row speaks of {name}"
    for text, place in zip(texts, row.where, strict=True):
        assert any(name.rstrip(".").rpartition(".")[2] in text for name in row.what), f"{place} uses none of it"


def test_versions_are_those_of_the_constraints() -> None:
    pinned = dict(re.findall(r"^(\S+)==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE))
    assert {row.library: row.seen for row in rows()} == {row.library: pinned[row.library] for row in rows()}


def test_what_the_code_uses_is_listed() -> None:
    text = LIST.read_text(encoding="utf-8")
    listed = {name.rpartition(".")[2] for name in CODE.findall(text)}
    found = {(str(file.relative_to(ROOT)), name) for file in _sources() for name in _unpromised(file)}
    assert sorted(pair for pair in found if pair[1] not in listed) == []
    missing = {(file, name) for file, name in found if f"`{file}`" not in text}
    assert sorted(missing) == [], "the file is in no row"


def _sources() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted((ROOT / folder).rglob("*.py"))


def _unpromised(file: Path) -> Iterator[str]:
    """Names from undocumented modules, private attributes of other objects, and overridden private methods."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    bases: dict[str, object] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and _is_foreign(node.module):
            names = [alias.name for alias in node.names]
            if "." in node.module and not DOCUMENTED.match(node.module):
                yield from set(names) - PROMISED
            bases |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
        elif isinstance(node, ast.Attribute) and _is_private(node.attr):
            if not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")) and node.attr not in own:
                yield from {node.attr} - PROMISED
        elif isinstance(node, ast.ClassDef):
            yield from set(_overridden(node, bases)) - PROMISED


def _overridden(node: ast.ClassDef, bases: dict[str, object]) -> Iterator[str]:
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in bases:
            module, name = bases[base.id]  # type: ignore[misc]
            upstream = getattr(import_module(module), name)
            yield from (name for name in _members(node) if _is_private(name) and hasattr(upstream, name))


def _members(node: ast.ClassDef) -> Iterator[str]:
    for member in node.body:
        if isinstance(member, ast.FunctionDef):
            yield member.name
        elif isinstance(member, ast.Assign):
            yield from (target.id for target in member.targets if isinstance(target, ast.Name))


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _is_foreign(module: str) -> bool:
    top = module.partition(".")[0]
    return top not in FOLDERS and top not in sys.stdlib_module_names
