"""A medical dataset that is built once, and the commands as a user runs them."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.command import read_config, run_command
from data_recipes import build as build_command
from data_recipes import show as show_command
from data_recipes import suites as suites_command
from data_recipes import validate as validate_command
from data_recipes.config import BuildConfig
from data_recipes.pipeline.build import BuiltDataset, build_or_reuse, load
from domains.knowledge_base import KnowledgeBase

Run = Callable[..., int]


@pytest.fixture(scope="session")
def kb() -> KnowledgeBase:
    """The shipped knowledge base."""
    return KnowledgeBase.load()


@pytest.fixture(scope="session")
def medical(cache: Path) -> BuiltDataset:
    """The medical dataset as shipped."""
    [config] = read_config("build", ["data=medical", "out=unused"], BuildConfig)
    return load(build_or_reuse(config.data, config.source))


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Run:
    """``python data_recipes/build.py …``; returns the exit code."""
    return lambda *words: _run(monkeypatch, "build.py", build_command.main, build_command.HELP, words)


@pytest.fixture
def validate(monkeypatch: pytest.MonkeyPatch) -> Run:
    """``python data_recipes/validate.py …``; returns the exit code."""
    return lambda *words: _run(monkeypatch, "validate.py", validate_command.main, validate_command.HELP, words)


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Run:
    """``python data_recipes/show.py …``; returns the exit code."""
    return lambda *words: _run(monkeypatch, "show.py", show_command.main, show_command.HELP, words)


@pytest.fixture
def suites(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """``python data_recipes/suites.py …`` with a cache of the test's own; returns the exit code."""
    monkeypatch.setenv("XINGLIN_CACHE", str(tmp_path / "cache"))
    return lambda *words: _run(monkeypatch, "suites.py", suites_command.main, suites_command.HELP, words)


def _run(monkeypatch: pytest.MonkeyPatch, name: str, main: Any, help_text: str, words: tuple[str, ...]) -> int:
    monkeypatch.setattr(sys, "argv", [name, *words])
    with pytest.raises(SystemExit) as ended:
        run_command(main, help_text)
    assert isinstance(ended.value.code, int)
    return ended.value.code
