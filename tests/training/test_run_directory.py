"""A run's own directory, and the command it records."""

import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from common.command import read_config
from common.errors import UserError
from models.run_directory import RunDirectory, append_metrics, keep_until, read_metrics
from training.run import _planned
from training.stages.sft.config import SftConfig

WORDS = ["recipe=medical_qlora", "data.name=我的 数据", "source.path=a b/{c}.jsonl", "train.learning_rate=1e-3"]


@pytest.fixture
def config(tmp_path: Path) -> SftConfig:
    """A run that would start in the test's own folder."""
    [config] = read_config("run", [f"runs_dir={tmp_path}/runs"], SftConfig)
    return config


def test_command_is_what_was_typed_with_every_override() -> None:
    [(planned, command, run, *_)] = _planned(["data=bencao", *WORDS])
    assert shlex.split(command) == ["python", "training/run.py", "data=bencao", *WORDS] and run is None
    assert planned.data.name == "我的 数据"


def test_each_run_of_a_sweep_has_the_command_of_its_own_combination() -> None:
    planned = _planned(["-m", "data=bencao", *WORDS, "method.rank=4,8", "seed=1,2"])
    assert [shlex.split(command)[-2:] for _, command, *_ in planned] == [
        [f"method.rank={rank}", f"seed={seed}"] for rank in (4, 8) for seed in (1, 2)
    ]
    for one, command, *_ in planned:
        [(alone, again, *_)] = _planned(shlex.split(command)[2:])
        assert alone == one and again == command


def test_resumed_run_keeps_the_command_that_started_it(config: SftConfig) -> None:
    started = "python training/run.py recipe=medical_qlora 'data.name=我的 数据'"
    run = RunDirectory.create(config.runs_dir, config.name, config, started)
    [(again, command, resumed, *_)] = _planned([f"resume={run.path}"])
    assert command == started and again == config
    assert resumed is not None and resumed.command == started


def test_run_that_nobody_typed_has_no_command(config: SftConfig) -> None:
    assert RunDirectory.create(config.runs_dir, config.name, config).command == ""


def test_runs_that_begin_together_get_directories_of_their_own(config: SftConfig) -> None:
    with ThreadPoolExecutor(8) as threads:
        runs = list(threads.map(lambda _: RunDirectory.create(config.runs_dir, config.name, config), range(16)))
    assert len({run.path for run in runs}) == 16


def test_place_for_runs_that_cannot_be_written_is_named(config: SftConfig) -> None:
    with pytest.raises(UserError, match="/proc/xinglin"):
        RunDirectory.create(Path("/proc/xinglin"), config.name, config)


def test_lines_after_a_checkpoint_and_one_that_was_cut_off_are_dropped(tmp_path: Path) -> None:
    file = tmp_path / "samples.jsonl"
    keep_until(file, 3)
    assert not file.exists()
    for step in (1, 2, 3):
        append_metrics(file, {"step": step, "question": "头痛？"})
    whole = file.read_text("utf-8")
    file.write_text(whole + whole[:9], encoding="utf-8")
    keep_until(file, 2)
    assert [line["step"] for line in read_metrics(file)] == [1, 2] and whole.startswith(file.read_text("utf-8"))
