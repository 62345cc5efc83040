"""Shards, engines and kills: however a dataset was built, its bytes are the same."""

import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from data_recipes.pipeline.executors.local import LocalExecutor
from data_recipes.pipeline.workspace import work_directory
from tests.commands import Command
from tests.data_recipes.conftest import Run
from tests.data_recipes.samples import bencao_rows, write_jsonl
from tests.data_recipes.test_build import files

MANY = ("data.splits.dev=8", "data.splits.test=8", "data.shard_rows=11")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rows = [{**row, "output": f"{number}。{row['output']}"} for number, row in enumerate(bencao_rows() * 2)]
    return write_jsonl(tmp_path / "rows.json", rows)


@pytest.mark.slow  # two processes import everything
def test_two_processes_give_the_same_bytes_as_one(build: Run, source: Path, tmp_path: Path) -> None:
    for workers in (1, 2):
        out = tmp_path / str(workers)
        assert build("data=bencao", f"source.path={source}", f"out={out}", f"data.workers={workers}", *MANY) == 0
    assert files(tmp_path / "1") == files(tmp_path / "2")
    assert len(list((tmp_path / "1").glob("train-*-of-00008.parquet"))) == 8


@pytest.mark.slow  # Ray takes ten seconds to start
def test_ray_gives_the_same_bytes(build: Run, source: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    for engine in ("local", "ray"):
        words = (f"out={tmp_path / engine}", f"data.engine={engine}", "data.workers=1", "data.shard_rows=60")
        assert build("data=bencao", f"source.path={source}", *MANY[:2], *words) == 0
    assert files(tmp_path / "local") == files(tmp_path / "ray")


def test_results_come_in_the_order_of_the_tasks() -> None:
    assert list(LocalExecutor(2).run(abs, iter([-5, 3, -4, 0, 9]))) == [5, 3, 4, 0, 9]


@pytest.mark.slow  # three processes start
def test_a_build_that_was_killed_resumes_and_gives_the_same_bytes(build: Run, source: Path, tmp_path: Path) -> None:
    words = ("data=bencao", f"source.path={source}", "data.workers=1", *MANY)
    out = tmp_path / "killed" / "out"
    _kill_when(words, out, lambda work, _: len(list(work.glob("done-*.json"))) >= 9)
    assert not out.exists()
    [work] = out.parent.glob(".out.work/*")
    finished = {path: path.stat().st_mtime_ns for path in work.glob("done-*") if path.suffix != ".partial"}
    _kill_when(words, out, lambda work, _: (work / "read.json").exists())
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert build(*words, f"out={out}") == build(*words, f"out={tmp_path / 'whole'}") == 0
    assert files(out) == files(tmp_path / "whole")
    assert list(out.parent.iterdir()) == [out]


def _kill_when(words: tuple[str, ...], out: Path, enough: object) -> None:
    """Starts a build in its own process and kills it as soon as its work directory has enough."""
    process = Command("data_recipes/build.py", *words, f"out={out}")
    try:
        while process.returncode is None and not any(enough(work, process) for work in out.parent.glob(".out.work/*")):  # type: ignore[operator]
            time.sleep(0.002)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.returncode == -signal.SIGKILL, "it ended before it could be killed"


@pytest.mark.slow  # three processes start
def test_no_process_outlives_a_build_that_was_killed(source: Path, tmp_path: Path) -> None:
    out, children = tmp_path / "killed" / "out", []

    def at_work(work: Path, build: Command) -> bool:
        children[:] = _children(build) if any(work.glob("done-*.json")) else []
        return len(children) >= 2

    _kill_when(("data=bencao", f"source.path={source}", "data.workers=2", *MANY), out, at_work)
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{child}/exe").exists() for child in children):
        assert time.monotonic() < deadline, f"still there: {children}"
        time.sleep(0.05)


def _children(build: Command) -> list[str]:
    """The processes of a build's session, without its own and the one that starts them."""
    session = [pid for pid in map(str, _processes()) if _stat(pid)[3:4] == [str(build.pid)] and pid != str(build.pid)]
    return [pid for pid in session if _stat(pid)[1] != str(build.pid)]


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _stat(pid: str) -> list[str]:
    """State, parent, process group and session of a process; empty once it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:4]
    except (FileNotFoundError, ProcessLookupError):
        return []


@pytest.mark.slow
def test_a_change_of_the_recipe_starts_again_and_cleans_up(build: Run, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "there" / "out"
    stale = out.parent / ".out.work/0123456789abcdef"
    stale.mkdir(parents=True)
    assert build("data=bencao", f"source.path={source}", f"out={out}", "data.workers=1", *MANY) == 0
    assert not stale.exists() and list(out.parent.iterdir()) == [out]


def test_what_killed_builds_left_a_week_ago_is_removed_and_nothing_else(
    build: Run, source: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    names = [
        ".old.work/0123456789abcdef",
        ".old.partial-01234567-12-13",
        ".new.work/0123456789abcdef",
        ".my.work/notes",
    ]
    for name in names:
        (there / name).mkdir(parents=True)
    for path in [*there.rglob("*")]:
        if ".new" not in str(path):
            os.utime(path, (0, 0))
    assert build("data=bencao", f"source.path={source}", f"out={there / 'out'}", "data.workers=1", *MANY[:2]) == 0
    assert {path.name for path in there.iterdir()} == {"out", ".new.work", ".my.work"}


@pytest.mark.slow  # two commands that wait
def test_builds_with_other_settings_into_one_directory_wait_for_each_other(
    build: Run, source: Path, tmp_path: Path
) -> None:
    out, key = tmp_path / "there" / "out", "0" * 64
    words = ("data=bencao", f"source.path={source}", f"out={out}", "data.workers=1")
    held = threading.Event(), threading.Event()

    def hold() -> None:
        with work_directory(out, key):
            held[0].set()
            held[1].wait(60)

    other = threading.Thread(target=hold)
    other.start()
    held[0].wait(60)
    waiting = Command("data_recipes/build.py", *words, *MANY[:2])
    try:
        while "waiting for it" not in waiting.read()[1]:
            assert waiting.returncode is None
            time.sleep(0.01)
        assert (out.parent / ".out.work" / key[:16]).is_dir() and not out.exists()
    finally:
        held[1].set()
        other.join()
        waiting.wait()
    assert waiting.returncode == 0 and list(out.parent.iterdir()) == [out]


def test_without_semaphores_one_process_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")  # the error in a container without /dev/shm

    monkeypatch.setattr(multiprocessing.context.ForkServerContext, "Lock", missing)
    monkeypatch.setattr("data_recipes.pipeline.executors.local.ProcessPoolExecutor", None)
    assert list(LocalExecutor(2).run(abs, [-1, -2, -3])) == [1, 2, 3]
