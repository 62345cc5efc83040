"""The work directory of a build: locked, kept for a build that resumes, and never left for ever."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.errors import UserError
from common.files import DiskFull
from data_recipes.pipeline.workspace import work_directory
from tests.data_recipes.conftest import Run
from tests.data_recipes.samples import bencao_rows, write_jsonl

KEY, OTHER = "0" * 64, "1" * 64


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_keeps_what_was_finished_and_wrong_input_does_not(tmp_path: Path, number: int) -> None:
    out = tmp_path / "there" / "out"
    with pytest.raises(DiskFull), work_directory(out, KEY) as work:
        (work / "finished").touch()
        raise OSError(number, os.strerror(number))
    with pytest.raises(UserError), work_directory(out, KEY) as work:
        assert (work / "finished").exists()
        raise UserError("bad rows")
    assert not list(out.parent.iterdir())


def test_other_settings_start_again_and_leave_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt), work_directory(out, KEY) as first:
        raise KeyboardInterrupt
    assert first.is_dir()
    with work_directory(out, OTHER) as second:
        assert second != first and not first.exists()
    assert not list(tmp_path.iterdir())


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk whose size the test sets."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(disk)], check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_disk_that_is_full_in_any_stage_is_a_message(
    build: Run, disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_jsonl(tmp_path / "rows.jsonl", bencao_rows())
    words = ("data=bencao", f"source.path={source}", f"out={disk / 'out'}", "data.workers=1", "data.shard_rows=48")
    failed = 0
    for size in (16, 64, 96, 160, 2048):
        subprocess.run(["mount", "-o", f"remount,size={size}k", str(disk)], check=True)
        code = build(*words, "data.splits.dev=8", "data.splits.test=8")
        error = capsys.readouterr().err
        assert code == 0 or (code == 2 and "the disk is full" in error and "Traceback" not in error), error
        failed += code == 2
    assert code == 0 and failed > 1 and [path.name for path in disk.iterdir()] == ["out"]
