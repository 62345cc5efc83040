"""A run that is resumed: which one, with what changed, and what was left is removed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from common.errors import Refused, UserError
from common.files import read_json
from common.hashing import sha256_text
from models.run_directory import RunDirectory, read_metrics
from tests.training.conftest import TriedRun, logged, small_config
from training.chain import run_chain
from training.config import OptimiserConfig
from training.resume import read_resume
from training.run import main
from training.trainer.checkpoints import refuse_fewer_steps


@pytest.mark.slow
def test_a_resumed_run_removes_what_a_killed_merge_left_and_a_cache_that_cannot_be_written_only_warns(
    finished: TriedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    machine = sha256_text(os.uname().nodename)[:8]
    left = [
        finished.path / f".merged.partial-{machine}-{ended.pid}-7",
        finished.path / f"checkpoints/.checkpoint-4.partial-{machine}-{ended.pid}-7",
    ]
    for directory in left:
        directory.mkdir()
        (directory / "model.safetensors").write_bytes(b"half")
    monkeypatch.setenv("XINGLIN_CACHE", "/proc/xinglin")
    with logged() as lines:
        finished.resumed()
    assert not any(directory.exists() for directory in left)
    assert any("WARNING answers are not kept" in line for line in lines)


def test_a_place_for_runs_that_cannot_be_written_is_found_before_anything_is_done(tried: object) -> None:
    folder = tried[0].folder  # type: ignore[index]
    with logged() as lines, pytest.raises(UserError, match="/proc/xinglin: cannot write here"):
        run_chain(small_config(folder, "runs_dir=/proc/xinglin"))
    assert not any("dataset" in line for line in lines)


@pytest.mark.slow
def test_a_finished_run_is_trained_further_and_never_back(finished: TriedRun) -> None:
    weights = finished.path / "adapter/adapter_model.safetensors"
    before = weights.read_bytes()
    with pytest.raises(Refused, match=r"trained for 5 steps \(0\.12 epochs\), more than train\.max_steps=4"):
        finished.resumed("train.max_steps=4")
    checkpoints = RunDirectory(finished.path).checkpoints
    for epochs in (0.11, 1):  # 0.11 epochs are 4.5 steps, so 5
        refuse_fewer_steps(checkpoints, OptimiserConfig(epochs=epochs))
    with pytest.raises(Refused, match=r"more than train\.epochs=0\.05"):
        refuse_fewer_steps(checkpoints, OptimiserConfig(epochs=0.05))
    with logged() as lines:
        finished.trained_again("train.max_steps=7")
    assert any("checkpoint-5 (step 5 of 7)" in line for line in lines)
    assert weights.read_bytes() != before
    assert read_json(finished.path / "provenance.json")["trained"]["max_steps"] == 7
    steps = [metrics["step"] for metrics in read_metrics(finished.path / "metrics.jsonl") if "loss" in metrics]
    assert steps == [1, 2, 3, 4, 5, 6, 7]
    shutil.rmtree(finished.path / "checkpoints")
    finished.trained_again()  # the longer goal is that of the run now, and is reached
    with pytest.raises(UserError, match="its checkpoints are gone"):
        finished.resumed("train.max_steps=9")


@pytest.mark.slow
def test_a_moved_base_is_found_where_the_user_says_and_by_every_later_resume(interrupted: TriedRun) -> None:
    moved = interrupted.folder / "moved"
    shutil.copytree(interrupted.base, moved)
    shutil.rmtree(interrupted.base)
    with pytest.raises(
        UserError, match=rf"{interrupted.base}: the base model of this run is missing\n.*model\.path=DIR"
    ):
        interrupted.resumed()
    interrupted.trained_again(f"model.path={moved}")
    interrupted.trained_again()
    settings = moved / "config.json"
    settings.write_text(settings.read_text("utf-8").replace("silu", "relu"), encoding="utf-8")
    with pytest.raises(Refused, match=r"the base model llama in .*moved changed(?s:.*)config\.json"):
        interrupted.resumed(f"model.path={moved}")


def test_a_finished_run_is_left_as_it_is_until_more_is_asked(
    finished: TriedRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("training.run.end_on_sigterm", lambda: None)
    monkeypatch.setattr("training.chain.run_chain", lambda *_: pytest.fail("the run was repeated"))
    resume = [f"resume={finished.path}", "threads=1"]
    main([*resume, "train.max_steps=5"])  # which it had
    told = capsys.readouterr().out
    assert "this run has finished" in told and f"resume={finished.path} train.max_steps=N    (it had 5)" in told
    for word in ("train.max_steps=7", "suite.max_items=3", "merge.tokens=50"):
        assert not read_resume([*resume, word]).done
    finished.edit("max_steps: 5", "max_steps: 8")
    assert not read_resume(resume).done
    finished.edit("max_steps: 8", "max_steps: 5")
    assert read_resume(resume).done
    (finished.path / "report/index.html").unlink()
    assert not read_resume(resume).done


def test_latest_is_the_newest_run_with_something_left_to_do(
    interrupted: TriedRun, finished: TriedRun, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    with pytest.raises(UserError, match="there are no runs"):
        read_resume(["resume=latest", f"runs_dir={runs}"])
    shutil.copytree(finished.path, runs / "b/20260102-000000")
    with pytest.raises(UserError, match=r"none of 1 runs is unfinished\n.*train\.epochs"):
        read_resume(["resume=latest", f"runs_dir={runs}"])
    shutil.copytree(interrupted.path, runs / "a/20260101-000000")
    assert read_resume(["resume=latest", f"runs_dir={runs}"]).run.path.name == "20260101-000000"
    more = read_resume(["resume=latest", f"runs_dir={runs}", "train.epochs=9", "threads=1"])
    assert more.run.path.name == "20260102-000000" and (more.config.train.epochs, more.config.threads) == (9, 1)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("train.learning_rate=1", r"train\.learning_rate cannot change(?s:.*)train\.epochs"),
        ("train.epochs=-1", r"train\.epochs: .*greater than 0"),
        ("model.path=no/such/base", r"model\.path=no/such/base: no such directory"),
    ],
)
def test_what_a_resume_may_not_change_is_told(interrupted: TriedRun, word: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_resume([f"resume={interrupted.path}", word])
