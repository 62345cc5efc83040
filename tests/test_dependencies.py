"""What the packages import is installed with them: the two commands need no extra that only developers have."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OWN = ("app", "common", "data_recipes", "domains", "eval", "models", "strategies", "training")
WITH = {
    "app": ("serve",),
    "app/access/database_keys.py": ("postgres",),
    "app/access/sign_on.py": ("oidc",),
    "app/audit/database_chain.py": ("postgres",),
    "app/database/": ("postgres",),
    "data_recipes/pipeline/executors/ray.py": ("ray",),
}
"""The extras that a part needs: the service has its own, PostgreSQL too, and ``engine=ray`` alone imports Ray."""


def distribution(requirement: str) -> str:
    name = re.match(r"[\w.-]+", requirement)
    assert name
    return name[0].lower().replace("_", "-")


@cache
def installed_with(*requirements: str) -> set[str]:
    """These distributions and what they need themselves, e.g. OmegaConf with Hydra."""
    direct = {distribution(line) for line in requirements}
    return direct | {distribution(line) for name in direct for line in needs_of(name) if "extra ==" not in line}


def needs_of(name: str) -> list[str]:
    """What a distribution needs; nothing is known of an extra that is not installed here."""
    try:
        return requires(name) or []
    except PackageNotFoundError:
        return []


def needed_on_import(node: ast.AST) -> Iterator[str]:
    """Top-level modules that are imported as soon as the file is: not in functions, nor for type checkers."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Import(names=names):
                yield from (name.name.split(".")[0] for name in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.split(".")[0]
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                continue
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                continue
            case _:
                yield from needed_on_import(child)


def extras(file: str) -> list[str]:
    chosen = [extra for part, names in WITH.items() if file.startswith(part) for extra in names]
    return [line for extra in chosen for line in PROJECT["optional-dependencies"][extra]]


@cache
def brought_by() -> dict[str, list[str]]:
    """The distributions of each top-level module that is installed here."""
    return dict(packages_distributions())


def is_of_an_absent_extra(module: str, file: str) -> bool:
    """Whether nothing here brings a module, and a part of the file's extras is not installed: it may be of that."""
    installed = {name.lower() for names in brought_by().values() for name in names}
    return module not in brought_by() and bool({distribution(line) for line in extras(file)} - installed)


def test_what_is_imported_is_installed_without_the_developers_extra() -> None:
    missing = []
    for file in sorted(file for package in OWN for file in (ROOT / package).rglob("*.py")):
        name = file.relative_to(ROOT).as_posix()
        declared = installed_with(*PROJECT["dependencies"], *extras(name))
        for module in sorted(set(needed_on_import(ast.parse(file.read_text(encoding="utf-8"))))):
            known = module in sys.stdlib_module_names or module in OWN or is_of_an_absent_extra(module, name)
            if not known and not declared & {distribution(one) for one in brought_by().get(module, [module])}:
                missing.append(f"{name}: {module}")
    assert missing == []
