"""Files and directories are complete or absent: whatever fails or is killed, however many processes write."""

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from common import files
from common.errors import UserError
from common.files import replacing_directory, replacing_file, write_text

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(params=["exchange", "two renames"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the exchange of names, and as on a system without it."""
    if request.param == "two renames":
        monkeypatch.setattr(files, "_renameat2", None)


def write(target: Path, content: str) -> None:
    with replacing_directory(target) as directory:
        (directory / "one").write_text(content, encoding="utf-8")
        (directory / "two").write_text(content, encoding="utf-8")


def content_of(target: Path) -> str:
    one, two = ((target / name).read_text(encoding="utf-8") for name in ("one", "two"))
    assert one == two
    return one


def killed_while_replacing(target: Path, at: str) -> None:
    """Another process replaces ``target`` and is killed ``at`` a place, on a system that cannot exchange names."""
    script = f"""
import os, signal, sys
from pathlib import Path
from common import files
files._renameat2 = None
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
with files.replacing_directory(Path(sys.argv[1])) as directory:
    (directory / "one").write_text("new")
    {at}
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script, str(target)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL


BETWEEN_RENAMES = """
    rename = Path.rename
    Path.rename = lambda path, to: die() if ".partial-" in path.name else rename(path, to)
"""


@pytest.mark.usefixtures("either_way")
def test_directory_is_made_and_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "数据 集" / "out"
    for content in ("first", "second"):
        write(target, content)
        assert content_of(target) == content
        assert list(target.parent.iterdir()) == [target]


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("old", ["file", "link", "empty directory"])
def test_whatever_was_there_is_replaced(old: str, tmp_path: Path) -> None:
    target, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    if old == "file":
        target.write_text("old")
    elif old == "link":
        write(elsewhere, "linked")
        target.symlink_to(elsewhere)
    else:
        target.mkdir()
    write(target, "new")
    assert content_of(target) == "new" and not target.is_symlink()
    if old == "link":
        assert content_of(elsewhere) == "linked"
    assert {path.name for path in tmp_path.iterdir()} <= {"out", "elsewhere"}


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_failed_block_keeps_the_old_directory(error: type[BaseException], tmp_path: Path) -> None:
    write(tmp_path / "out", "old")
    with pytest.raises(error), replacing_directory(tmp_path / "out") as directory:
        (directory / "one").write_text("half")
        raise error
    assert content_of(tmp_path / "out") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("error", [OSError(errno.EIO, "input/output error"), KeyboardInterrupt()])
def test_failing_second_rename_brings_the_old_directory_back(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "out", "old")
    rename = Path.rename

    def failing(path: Path, target: Path) -> Path:
        if ".partial-" in path.name:
            raise error
        return rename(path, target)

    monkeypatch.setattr(files, "_renameat2", None)
    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(type(error)):
        write(tmp_path / "out", "new")
    assert content_of(tmp_path / "out") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_directory_of_a_process_killed_between_two_renames_is_brought_back(tmp_path: Path) -> None:
    write(tmp_path / "out", "old")
    killed_while_replacing(tmp_path / "out", BETWEEN_RENAMES)
    assert not (tmp_path / "out").exists() and len(list(tmp_path.iterdir())) == 2
    with pytest.raises(ValueError, match="not this time"), replacing_directory(tmp_path / "out"):
        assert content_of(tmp_path / "out") == "old"
        raise ValueError("not this time")
    assert content_of(tmp_path / "out") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_a_killed_process_left_is_removed_and_what_a_running_one_writes_is_not(tmp_path: Path) -> None:
    write(tmp_path / "out", "old")
    killed_while_replacing(tmp_path / "out", "die()")
    assert content_of(tmp_path / "out") == "old" and len(list(tmp_path.iterdir())) == 2
    (killed,) = tmp_path.glob(".out.partial-*")
    running = killed.with_name(killed.name.replace(killed.name.rsplit("-", 2)[1], str(os.getppid())))
    of_other_target, of_other_machine = tmp_path / ".out.b.partial-00000000-1-1", tmp_path / ".out.partial-00000000-1-1"
    for path in (running, of_other_target, of_other_machine):
        path.mkdir()
    write(tmp_path / "out", "new")
    assert set(tmp_path.iterdir()) == {tmp_path / "out", running, of_other_target, of_other_machine}


def test_container_that_starts_again_with_the_same_numbers_removes_its_own_leftovers(tmp_path: Path) -> None:
    with replacing_directory(tmp_path / "out") as directory:
        own = directory.name
    (tmp_path / own).mkdir()
    (tmp_path / own / "half").touch()
    write(tmp_path / "out", "new")
    assert content_of(tmp_path / "out") == "new" and not (tmp_path / "out/half").exists()


def _write_often(target: Path, content: str, exchange: bool) -> None:
    if not exchange:
        files._renameat2 = None
    for _ in range(60):
        write(target, content)
        with replacing_file(target.with_name("file")) as partial:
            partial.write_text(content * 1000)


@pytest.mark.parametrize("exchange", [True, False])
def test_two_writers_at_once_never_mix_and_the_target_never_lacks(exchange: bool, tmp_path: Path) -> None:
    write(tmp_path / "out", "a")
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_often, args=(tmp_path / "out", name, exchange)) for name in "ab"]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        if exchange:
            assert (tmp_path / "out").is_dir()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert content_of(tmp_path / "out") in ("a", "b")
    assert (tmp_path / "file").read_text() in ("a" * 1000, "b" * 1000)
    assert {path.name for path in tmp_path.iterdir()} == {"out", "file"}


def test_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "新 目录" / "甲.txt"
    write_text(target, "旧")
    with pytest.raises(ValueError, match="half"), replacing_file(target) as partial:
        partial.write_text("half")
        raise ValueError("half")
    assert target.read_text(encoding="utf-8") == "旧"
    write_text(target, "新")
    assert target.read_text(encoding="utf-8") == "新"
    assert list(target.parent.iterdir()) == [target]


def test_block_that_wrote_no_file_is_an_error_and_keeps_the_old_one(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "old")
    with pytest.raises(FileNotFoundError), replacing_file(tmp_path / "a"):
        pass
    assert (tmp_path / "a").read_text() == "old"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "small_disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)], check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_full_disk_keeps_what_was_there_and_leaves_nothing_half_written(small_disk: Path) -> None:
    write(small_disk / "out", "old")
    write_text(small_disk / "file", "old")
    with pytest.raises(UserError, match="disk is full"):
        write(small_disk / "out", "x" * 100_000)
    with pytest.raises(UserError, match="disk is full"):
        write_text(small_disk / "file", "x" * 100_000)
    assert content_of(small_disk / "out") == "old" and (small_disk / "file").read_text() == "old"
    assert {path.name for path in small_disk.iterdir()} == {"out", "file"}


def saved_by_torch(path: Path) -> None:
    import torch

    torch.save({"values": torch.ones(100_000)}, path)


def saved_by_safetensors(path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"values": torch.ones(100_000)}, path)


def saved_by_numpy(path: Path) -> None:
    import numpy as np

    np.ones(100_000).tofile(path)


@pytest.mark.parametrize("save", [saved_by_torch, saved_by_safetensors, saved_by_numpy])
def test_full_disk_is_told_by_its_file_system_whatever_library_writes(
    small_disk: Path, save: Callable[[Path], None]
) -> None:
    with (
        pytest.raises(UserError, match=rf"the disk is full: \d+ of 0 MiB are free on {small_disk},(?s:.*)resume=RUN"),
        replacing_directory(small_disk / "out") as partial,
    ):
        save(partial / "weights")
    assert not list(small_disk.iterdir())


def test_everything_that_killed_processes_left_in_a_directory_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    mine = files._beside(tmp_path / "merged", "partial")
    left = mine.with_name(mine.name.replace(f"-{os.getpid()}-", f"-{ended.pid}-"))
    of_another = mine.with_name(".adapter.partial-0a1b2c3d-1-1")
    running = mine.with_name(mine.name.replace(f"-{os.getpid()}-", f"-{os.getppid()}-"))
    for path in (left, of_another, running, tmp_path / "adapter"):
        path.mkdir()
    files.clean_up(tmp_path)
    assert set(tmp_path.iterdir()) == {tmp_path / "adapter", of_another, running}
    monkeypatch.setattr("psutil.Process.create_time", lambda _: time.time() + 60)  # its number went to a later one
    files.clean_up(tmp_path)
    assert set(tmp_path.iterdir()) == {tmp_path / "adapter", of_another}
    files.clean_up(tmp_path / "missing")


@pytest.mark.parametrize("place", ["/proc/xinglin", "/dev/null/xinglin"])
def test_place_that_could_not_be_written_is_found_without_writing(place: str, tmp_path: Path) -> None:
    files.check_writable(tmp_path / "a/b")
    assert not list(tmp_path.iterdir())
    with pytest.raises(UserError, match=rf"{place}: cannot write here"):
        files.check_writable(Path(place))


def test_a_file_or_directory_where_none_can_be_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="/proc: cannot write here"):
        write_text(Path("/proc/xinglin.txt"), "")
    with pytest.raises(UserError, match="/proc/xinglin: cannot write here"), replacing_directory(Path("/proc/xinglin")):
        pass
    with pytest.raises(UserError, match="this is a directory"):
        write_text(tmp_path, "")


@pytest.mark.parametrize("parent", ["/proc/xinglin", "/dev/null/xinglin"])
def test_place_that_cannot_be_written_is_named_and_for_the_cache_its_variable_too(
    parent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for writing in (replacing_directory, replacing_file):
        with pytest.raises(UserError, match=rf"{parent}: cannot write here(?s:.*)choose another place"):
            writing(Path(parent) / "out").__enter__()
    monkeypatch.setenv("XINGLIN_CACHE", parent)
    with pytest.raises(UserError, match="set XINGLIN_CACHE"):
        write_text(files.cache_dir() / "scores/a.json", "{}")


def test_user_without_home_is_asked_for_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XINGLIN_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda _: {}[0])  # a container may run as an unknown user
    with pytest.raises(UserError, match="set XINGLIN_CACHE"):
        files.cache_dir()
