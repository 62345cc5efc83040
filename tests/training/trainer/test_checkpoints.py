"""Damaged checkpoints: the newest whole one is used, and a resumed run is the uninterrupted one to the bit."""

import json
import random
import signal
import time
from pathlib import Path

import pytest

from common.errors import UserError
from common.files import read_json, write_json
from models.run_directory import RunDirectory, read_metrics
from tests import commands
from tests.commands import PROJECT, Command
from tests.training.conftest import TriedRun, logged
from training.provenance import fingerprint_of
from training.stages import open_run
from training.trainer.checkpoints import newest_whole

FILES = (
    *("adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"),
    *("adapter_config.json", "checkpoint.json"),
)


def newest(run: TriedRun) -> Path | None:
    directory = RunDirectory(run.path)
    return newest_whole(directory.checkpoints, fingerprint_of(directory))


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)


def adapter(run: TriedRun) -> bytes:
    return (run.path / "adapter/adapter_model.safetensors").read_bytes()


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
def test_a_damaged_checkpoint_is_skipped_and_its_file_named(interrupted: TriedRun, damage: object) -> None:
    checkpoints = interrupted.path / "checkpoints"
    assert newest(interrupted) == checkpoints / "checkpoint-3"
    for name in FILES[: -1 if damage is flip else None]:  # one wrong digit of a hash looks like another wrong file
        file = checkpoints / "checkpoint-3" / name
        whole = file.read_bytes()
        damage(file)  # type: ignore[operator]
        with logged() as lines:
            assert newest(interrupted) == checkpoints / "checkpoint-2"
        assert any(line.startswith("WARNING") and f"checkpoint-3: {name} " in line for line in lines)
        file.write_bytes(whole)
    assert newest(interrupted) == checkpoints / "checkpoint-3"


def test_where_no_checkpoint_is_whole_the_way_out_is_told(interrupted: TriedRun) -> None:
    for file in interrupted.path.glob("checkpoints/*/optimizer.pt"):
        cut(file)
    with pytest.raises(UserError, match=r"none of 2 checkpoints is whole\n.*remove this directory"):
        interrupted.resumed()


def test_a_checkpoint_of_a_run_on_something_else_is_not_used(interrupted: TriedRun) -> None:
    manifest = interrupted.path / "checkpoints/checkpoint-3/checkpoint.json"
    write_json(manifest, read_json(manifest) | {"fingerprint": "0" * 64})
    found = newest(interrupted)
    assert found is not None and found.name == "checkpoint-2"


def test_checkpoints_of_an_older_run_need_no_manifest(interrupted: TriedRun) -> None:
    (interrupted.path / "provenance.json").unlink()
    for manifest in interrupted.path.glob("checkpoints/*/checkpoint.json"):
        manifest.unlink()
    found = newest(interrupted)
    assert found is not None and found.name == "checkpoint-3"


@pytest.mark.slow
def test_a_run_resumed_behind_a_damaged_checkpoint_and_a_cut_log_is_the_same_to_the_bit(
    interrupted: TriedRun, finished: TriedRun
) -> None:
    flip(interrupted.path / "checkpoints/checkpoint-3/optimizer.pt")
    cut(interrupted.path / "metrics.jsonl")
    with logged() as lines:
        interrupted.trained_again()
    assert adapter(interrupted) == adapter(finished)
    assert any("metrics.jsonl:3: the line is cut off" in line for line in lines)
    assert any("checkpoint-2 (step 2 of 5)" in line for line in lines)
    losses = [[m.get("loss") for m in read_metrics(run.path / "metrics.jsonl")] for run in (interrupted, finished)]
    assert losses[0] == losses[1] and len(losses[0]) == 6
    table = (interrupted.path / "metrics.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in table] == ["step", "1", "2", "3", "4", "5", "5"]


@pytest.mark.slow  # test_resume.py kills at twenty points
def test_a_run_killed_between_its_last_checkpoint_and_its_result_takes_no_further_step(finished: TriedRun) -> None:
    before = adapter(finished)
    (finished.path / "adapter/adapter_model.safetensors").write_bytes(b"")
    record = read_json(finished.path / "provenance.json")
    write_json(finished.path / "provenance.json", record | {"trained": None})
    finished.trained_again()
    assert adapter(finished) == before


def test_an_empty_or_damaged_configuration_is_told(interrupted: TriedRun) -> None:
    for content, problem in (("", "the configuration is empty"), ("a: [", "the configuration is damaged")):
        (interrupted.path / "config.yaml").write_text(content)
        with pytest.raises(UserError, match=rf"config\.yaml: {problem}(?s:.*)provenance\.json"):
            open_run(interrupted.path)


@pytest.mark.slow
def test_a_run_killed_at_twenty_random_points_is_the_uninterrupted_one_to_the_bit(
    interrupted: TriedRun, tmp_path: Path
) -> None:
    script, folder = str(PROJECT / "training/run.py"), interrupted.folder
    words = (
        *("recipe=medical_qlora", "data=rows", f"source.path={folder}/rows.jsonl", "data.splits={dev: 6, test: 8}"),
        *("model=llama", f"model.path={folder}/base", "model.prompt_format=xinglin", "model.dtype=float32"),
        *("method=lora", "method.rank=2", "method.dropout=0.1", "train.max_length=64", "train.packing=false"),
        *("train.batch_size=1", "train.gradient_accumulation=2", "train.precision=fp32", "train.max_steps=120"),
        *("train.save_steps=2", "train.log_steps=1", "train.eval_steps=5", "data.workers=1"),
        *("suite=quick", "suite.max_items=1", "suite.max_new_tokens=2", "merge.enabled=false"),
    )
    commands.run(script, *words, f"runs_dir={tmp_path}/whole")
    (whole,) = (file.parent for file in tmp_path.glob("whole/*/*/config.yaml"))
    chance, arguments = random.Random(1), (*words, f"runs_dir={tmp_path}/parts")
    for kill in range(20):
        process = Command(script, *arguments)
        target = 6 * kill + chance.randint(1, 6)
        while process.returncode is None and _steps(tmp_path / "parts") < target:
            time.sleep(0.01)
        time.sleep(chance.random() / 10)
        assert process.returncode is None, process.read()[1][-2000:]
        process.send_signal(signal.SIGKILL)
        process.wait()
        (run,) = (file.parent for file in tmp_path.glob("parts/*/*/config.yaml"))
        arguments = (f"resume={run}",)
    commands.run(script, *arguments)
    weights = "adapter/adapter_model.safetensors"
    assert (run / weights).read_bytes() == (whole / weights).read_bytes()
    assert [m.get("loss") for m in read_metrics(run / "metrics.jsonl")] == [
        m.get("loss") for m in read_metrics(whole / "metrics.jsonl")
    ]


def _steps(runs: Path) -> int:
    """The last step that was logged."""
    lines = [line for file in runs.glob("*/*/metrics.jsonl") for line in file.read_text().splitlines()]
    return max((json.loads(line)["step"] for line in lines if line.endswith("}")), default=0)
