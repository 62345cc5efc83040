"""Small built datasets that others are made of."""

from collections.abc import Callable
from pathlib import Path

import pytest

from common.command import read_config
from data_recipes.config import BuildConfig
from data_recipes.dataset.dataset import BuiltDataset, load
from data_recipes.pipeline.build import build as build_dataset
from tests.data_recipes.samples import bencao_rows, write_jsonl

Made = Callable[..., BuiltDataset]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Builds a dataset from configuration words and loads it."""

    def make(name: str, *words: str) -> BuiltDataset:
        out = tmp_path / name
        [config] = read_config("build", [*words, f"out={out}"], BuildConfig)
        build_dataset(config)
        return load(out)

    return make


@pytest.fixture
def consultations(made: Made, tmp_path: Path) -> BuiltDataset:
    """Bencao rows: 80 for training, 8 for dev, 8 for test."""
    source = write_jsonl(tmp_path / "bencao.json", bencao_rows())
    return made("bencao", "data=bencao", f"source.path={source}", "data.splits.dev=8", "data.splits.test=8")


@pytest.fixture
def problems(made: Made) -> BuiltDataset:
    """Generated word problems with chains of thought."""
    sizes = "data.splits={train: 120, dev: 10, test: 12, unseen_kinds: 8, unseen_numbers: 8, distractors: 8}"
    return made("math", "data=math", sizes, "source.steps=asked")
