"""A run that is resumed: what was left is removed, what cannot be written is found first."""

import os
import subprocess

import pytest

from common.errors import UserError
from common.hashing import sha256_text
from tests.training.conftest import TriedRun, logged, small_config
from training.chain import run_chain


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
    assert any("WARNING the answers of the base are not kept" in line for line in lines)


def test_a_place_for_runs_that_cannot_be_written_is_found_before_anything_is_done(tried: object) -> None:
    folder = tried[0].folder  # type: ignore[index]
    with logged() as lines, pytest.raises(UserError, match="/proc/xinglin: cannot write here"):
        run_chain(small_config(folder, "runs_dir=/proc/xinglin"))
    assert not any("dataset" in line for line in lines)
