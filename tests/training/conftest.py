"""A small training run on the tiny base, shared by the tests of this folder."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from loguru import logger

from common.command import read_config
from common.errors import Interrupted
from data_recipes.schema.example import Example, Message
from tests.data_recipes.samples import bencao_rows, write_jsonl
from tests.made_once import made_once
from training.chain import run_chain
from training.resume import read_resume
from training.stages.sft.config import SftConfig
from training.stages.sft.job import SftJob
from training.trainer.supervised import SupervisedTrainer

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


@dataclass(frozen=True)
class TriedRun:
    """A run on its own files: source, base, run directory, all below one folder.

    Attributes:
        folder: All of it.
        path: The run directory.
    """

    folder: Path
    path: Path

    @property
    def source(self) -> Path:
        """The file that the dataset was made from."""
        return self.folder / "rows.jsonl"

    @property
    def base(self) -> Path:
        """The base model."""
        return self.folder / "base"

    def copied(self, folder: Path) -> "TriedRun":
        """The same in another folder, to be tampered with."""
        shutil.copytree(self.folder, folder)
        copy = TriedRun(folder, folder / self.path.relative_to(self.folder))
        for name in (
            "config.yaml",
            "provenance.json",
            "artifact.json",
            "adapter/artifact.json",
            "merged/artifact.json",
        ):
            if (file := copy.path / name).is_file():
                file.write_text(file.read_text("utf-8").replace(str(self.folder), str(folder)), encoding="utf-8")
        return copy

    def edit(self, before: str, now: str) -> None:
        """Replaces a text of its configuration."""
        file = self.path / "config.yaml"
        text = file.read_text("utf-8")
        assert before in text
        file.write_text(text.replace(before, now), encoding="utf-8")

    def resumed(self, *words: str) -> str:
        """Resumes the run as ``training/run.py`` does."""
        resumed = read_resume([f"resume={self.path}", *words])
        return run_chain(resumed.config, resumed.run, base=resumed.base)

    def trained_again(self, *words: str) -> None:
        """Resumes the run, and stops it where training is done."""

        def stop(*_: object) -> None:
            raise Trained

        with pytest.MonkeyPatch.context() as patch, pytest.raises(Trained):
            patch.setattr(SftJob, "finish", stop)
            self.resumed(*words)


def small_config(folder: Path, *words: str, method: tuple[str, ...] = ("method=lora", "method.rank=2")) -> SftConfig:
    """The configuration of a run of five steps on the files of a folder."""
    fixed = (
        *("data=rows", f"source.path={folder}/rows.jsonl", "data.splits={dev: 6, test: 8}", "data.workers=1"),
        *("model=llama", f"model.path={folder}/base", "model.prompt_format=xinglin", "model.dtype=float32"),
        *(*method, "train.batch_size=2", "train.max_length=64", "train.packing=false"),
        *("train.precision=fp32", "train.max_steps=5", "train.save_steps=1", "train.log_steps=1", "train.eval_steps=5"),
        *("suite=quick", "suite.max_items=2", "suite.max_new_tokens=4", "merge.tokens=40", "name=tried"),
        f"runs_dir={folder}/runs",
    )
    (config,) = read_config("run", [*fixed, *words], SftConfig)
    return config


class Trained(Exception):
    """Training is done: the rest of the chain is not run."""


@contextmanager
def logged() -> Iterator[list[str]]:
    """The lines that are logged meanwhile."""
    lines: list[str] = []
    sink = logger.add(lines.append, level="INFO", format="{level} {message}")
    yield lines
    logger.remove(sink)


@pytest.fixture(scope="session")
def tried(tiny_base: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TriedRun, TriedRun]:
    """A run of five steps that was interrupted in its fourth, with checkpoints after two and three; and the same one
    resumed to its end."""
    folder = made_once(tmp_path_factory, "tried", lambda folder: _try(folder, tiny_base))
    interrupted, finished = (next((folder / name).glob("runs/*/*/config.yaml")) for name in ("first", "second"))
    return TriedRun(folder / "first", interrupted.parent), TriedRun(folder / "second", finished.parent)


def _try(tried: Path, tiny_base: Path) -> None:
    folder = tried / "first"
    shutil.copytree(tiny_base, folder / "base")
    write_jsonl(folder / "rows.jsonl", [*bencao_rows(), {"instruction": "很长？", "output": "很长。" * 60}])
    config = small_config(folder)
    step = SupervisedTrainer.training_step

    def interrupting(self: SupervisedTrainer, *arguments: Any, **named: Any) -> torch.Tensor:
        if self.state.global_step == 3:
            raise KeyboardInterrupt
        return step(self, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(SupervisedTrainer, "training_step", interrupting)
        run_chain(config, command="python training/run.py …")
    (file,) = folder.glob("runs/*/*/config.yaml")
    interrupted = TriedRun(folder, file.parent)
    interrupted.copied(tried / "second").resumed()


@pytest.fixture
def interrupted(tried: tuple[TriedRun, TriedRun], tmp_path: Path) -> TriedRun:
    """A copy of the interrupted run."""
    return tried[0].copied(tmp_path / "interrupted")


@pytest.fixture
def finished(tried: tuple[TriedRun, TriedRun], tmp_path: Path) -> TriedRun:
    """A copy of the finished run."""
    return tried[1].copied(tmp_path / "finished")
