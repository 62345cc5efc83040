"""Trackers beside TensorBoard: refused where they are missing, offline unless the user says otherwise."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from common.errors import UserError
from models.run_directory import RunDirectory
from tests.training.conftest import small_config
from tests.training.trainer.test_trainer import begun
from training.chain import run_chain
from training.config import Tracker
from training.resume import is_free
from training.stages.sft.config import SftConfig
from training.trainer import trackers
from training.trainer.arguments import training_arguments
from training.trainer.trackers import offline

ALL: tuple[Tracker, ...] = ("wandb", "mlflow", "swanlab")


def test_a_tracker_that_is_not_installed_is_refused_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda name: None if name == "wandb" else object())
    config = small_config(tmp_path, "train.trackers=[mlflow,wandb]")  # whose source does not exist, either
    with pytest.raises(UserError, match=r"train.trackers=\[mlflow,wandb\]: not installed: wandb\n.*pip install wandb"):
        run_chain(config)
    assert not list(tmp_path.glob("runs/*"))


def test_the_trainer_reports_to_them_and_a_resume_may_change_them(make_config: Callable[..., SftConfig]) -> None:
    config = make_config("train.trackers=[mlflow,swanlab]")
    assert training_arguments(config.train, begun(config), seed=1).report_to == ["mlflow", "swanlab"]
    assert training_arguments(make_config().train, begun(config), seed=1).report_to == []
    assert is_free("train.trackers")


def test_they_write_into_the_run_offline_end_with_it_and_leave_the_environment_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(finish=lambda: ended.append("wandb")))
    monkeypatch.setitem(sys.modules, "mlflow", SimpleNamespace(end_run=lambda: ended.append("mlflow")))
    monkeypatch.setitem(
        sys.modules, "swanlab", SimpleNamespace(get_run=lambda: ended, finish=lambda: ended.append("swanlab"))
    )
    for name in ("WANDB_MODE", "WANDB_DIR", "MLFLOW_TRACKING_URI", "SWANLAB_LOG_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SWANLAB_MODE", "cloud")
    before = dict(os.environ)
    for name in ("one", "two"):  # of a sweep
        with offline(ALL, RunDirectory(tmp_path / name)):
            assert os.environ["WANDB_MODE"] == "offline" and os.environ["SWANLAB_MODE"] == "cloud"
            places = [os.environ[name] for name in ("WANDB_DIR", "MLFLOW_TRACKING_URI", "SWANLAB_LOG_DIR")]
            assert all(str(tmp_path / name) in place for place in places)
        assert dict(os.environ) == before
    assert ended == [*ALL, *ALL]
