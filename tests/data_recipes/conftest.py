"""Datasets that tests share, and the commands as a user runs them."""

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
from data_recipes.pipeline.build import BuiltDataset, load
from data_recipes.pipeline.build import build as build_dataset
from tests.data_recipes.samples import bencao_rows, write_jsonl

Run = Callable[..., int]
Made = Callable[..., BuiltDataset]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Builds a dataset from configuration words and loads it."""
    return lambda name, *words: _made(tmp_path / name, *words)


def _made(out: Path, *words: str) -> BuiltDataset:
    [config] = read_config("build", [*words, f"out={out}"], BuildConfig)
    build_dataset(config)
    return load(out)


@pytest.fixture(scope="session")
def shared_datasets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the datasets that tests only read: one that damages a dataset takes a copy."""
    return tmp_path_factory.mktemp("datasets")


@pytest.fixture(scope="session")
def consultations(shared_datasets: Path) -> BuiltDataset:
    """Bencao rows: 80 for training, 8 for dev, 8 for test."""
    folder = shared_datasets
    source = write_jsonl(folder / "bencao.json", bencao_rows())
    return _made(folder / "bencao", "data=bencao", f"source.path={source}", "data.splits.dev=8", "data.splits.test=8")


@pytest.fixture(scope="session")
def problems(shared_datasets: Path) -> BuiltDataset:
    """Generated word problems with chains of thought."""
    sizes = "data.splits={train: 120, dev: 10, test: 12, unseen_kinds: 8, unseen_numbers: 8, distractors: 8}"
    return _made(shared_datasets / "math", "data=math", sizes, "source.steps=asked")


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
    """``python data_recipes/suites.py …`` with the test's own cache; returns the exit code."""
    monkeypatch.setenv("XINGLIN_CACHE", str(tmp_path / "cache"))
    return lambda *words: _run(monkeypatch, "suites.py", suites_command.main, suites_command.HELP, words)


def _run(monkeypatch: pytest.MonkeyPatch, name: str, main: Any, help_text: str, words: tuple[str, ...]) -> int:
    monkeypatch.setattr(sys, "argv", [name, *words])
    with pytest.raises(SystemExit) as ended:
        run_command(main, help_text)
    assert isinstance(ended.value.code, int)
    return ended.value.code
