"""A small training run on the tiny base, shared by the tests of this folder."""

from collections.abc import Callable
from pathlib import Path

import pytest

from common.command import read_config
from data_recipes.schema.example import Example, Message
from training.stages.sft.config import SftConfig

MakeConfig = Callable[..., SftConfig]


@pytest.fixture
def make_config(tiny_base: Path, tmp_path: Path) -> MakeConfig:
    """Configurations of tiny runs: ``make_config("method.rank=2")``."""

    def make(*words: str) -> SftConfig:
        fixed = [
            f"runs_dir={tmp_path}/runs",
            "model=llama",
            f"model.path={tiny_base}",
            "model.prompt_format=xinglin",
            "model.dtype=float32",
            "train.batch_size=2",
            "train.max_length=64",
            "train.log_steps=1",
            "train.eval_steps=3",
            "train.save_steps=2",
        ]
        (config,) = read_config("run", [*fixed, *words], SftConfig)
        return config

    return make


@pytest.fixture
def examples() -> list[Example]:
    """Questions and answers of different lengths."""
    answers = ["头痛、头晕和心悸。", "鼻塞。", "多饮、多尿和多食，可以挂内分泌科。", "畏光。"] * 6
    return [
        Example(
            id=f"e{i}",
            messages=(Message(role="user", content=f"问题{i}？"), Message(role="assistant", content=answer)),
            source="test",
            group=str(i),
            kind="test",
        )
        for i, answer in enumerate(answers)
    ]
