"""Machines unlike a developer's: no home, a read-only one, an ASCII console, paths with spaces and Chinese."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.commands import Command

ROOT = Path(__file__).resolve().parent.parent
NOT_SET = ("XINGLIN_CACHE", "XDG_CACHE_HOME", "PYTHONUTF8", "PYTHONIOENCODING", "LC_ALL", "LC_CTYPE", "LANG")


SEVERAL = """
import os, runpy, sys
import common.composition, data_recipes.dataset.listing, pandas  # most of what the commands import

words = sys.argv[1:]
while words:
    end = words.index(",")
    command, words = words[:end], words[end + 1:]
    if child := os.fork():
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=open("codes", "a"))
        continue
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
        os.write(number, b"\\0")  # the next command begins
    sys.argv, sys.path[0] = command, os.path.dirname(command[0])
    runpy.run_path(command[0], run_name="__main__")
    sys.exit(0)
"""


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str


def run(*commands: tuple[str, ...], cwd: Path, **variables: str) -> list[Done]:
    """Runs commands in an interpreter that starts with these variables: it takes its encodings from them once.

    Every command is a fork of it, with the arguments and the streams that it made, and ends alone.
    """
    environment = {name: value for name, value in os.environ.items() if name not in NOT_SET}
    words = [word for script, *rest in commands for word in (str(ROOT / script), *rest, ",")]
    with tempfile.TemporaryDirectory() as folder:
        said = [Path(folder) / name for name in ("codes", "out", "err")]
        program = SEVERAL
        for path in said:
            program = program.replace(f'"{path.name}"', f'"{path}"')
        subprocess.run(
            [sys.executable, "-c", program, *words],
            cwd=cwd,
            env=environment | {"PYTHONPATH": str(ROOT)} | variables,
            check=True,
        )
        codes, out, err = (path.read_text(encoding="utf-8") for path in said)
    return [Done(int(c), o, e) for c, o, e in zip(codes.split(), out.split("\0")[1:], err.split("\0")[1:], strict=True)]


def run_here(monkeypatch: pytest.MonkeyPatch, *words: str, cwd: Path, **variables: str) -> Done:
    """Runs a command for which only matters what it reads of its environment itself."""
    for name in NOT_SET:
        monkeypatch.delenv(name, raising=False)
    command = Command(str(ROOT / words[0]), *words[1:], cwd=cwd, environment=variables)
    said = command.wait()
    assert command.returncode is not None
    return Done(command.returncode, *said)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a user works: a folder with a space and Chinese in its name, and a file of rows."""
    folder = tmp_path_factory.mktemp("desk") / "我的 数据 (新)"
    folder.mkdir()
    rows = [
        {"instruction": f"{i}号仪器怎么保养？", "input": "", "output": f"{i}号仪器每{i + 2}天清洁一次。"}
        for i in range(40)
    ]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "保养 (一).jsonl").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def built(desk: Path) -> Done:
    """A dataset built with ``LANG=C``, without a usable home, into a path with spaces, Chinese and brackets."""
    words = ["data=bencao", "source.path=保养 (一).jsonl", "out=出 (1)/集", "data.splits.dev=5", "data.splits.test=5"]
    [done] = run(("data_recipes/build.py", *words), cwd=desk, LANG="C", HOME="/proc/xinglin")
    return done


def test_build_needs_neither_home_nor_locale_nor_plain_paths(built: Done, desk: Path) -> None:
    assert built.returncode == 0, built.stderr
    assert "written to 出 (1)/集" in built.stdout
    assert {path.name for path in desk.iterdir()} == {"保养 (一).jsonl", "出 (1)"}
    assert "仪器" in (desk / "出 (1)/集/preview.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    "locale",
    [
        # LANG=C alone: the build above
        pytest.param({"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"}, marks=pytest.mark.slow),
        pytest.param({"LANG": "en_US.ISO-8859-1", "PYTHONIOENCODING": "latin-1"}, marks=pytest.mark.slow),
    ],
)
def test_chinese_is_printed_whatever_the_locale(locale: dict[str, str], desk: Path) -> None:
    done, wrong, helped = run(
        ("data_recipes/show.py", "出 (1)/集", "text=仪器怎么保养", "rows=1"),
        ("data_recipes/show.py", "出 (1)/集", "split=测试"),
        ("data_recipes/validate.py", "--help"),
        cwd=desk,
        **locale,
    )
    assert done.returncode == 0, done.stderr
    assert "号仪器怎么保养？" in done.stdout and "1 rows shown" in done.stdout
    assert wrong.returncode == 2 and "no split 测试" in wrong.stderr and "Traceback" not in wrong.stderr
    assert helped.returncode == 0 and "…" in helped.stdout


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A directory that is not writable, not even for root."""
    home = tmp_path / "只读 家"
    home.mkdir()
    if os.geteuid():
        home.chmod(0o500)
        yield home
        home.chmod(0o700)
    elif subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=16k", "none", str(home)], check=False).returncode:
        pytest.skip("mounting a read-only directory is not allowed here")
    else:
        yield home
        subprocess.run(["umount", "--lazy", str(home)], check=True)


@pytest.mark.slow
@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(("variable", "missing"), [("HOME", True), ("XINGLIN_CACHE", False)])
def test_cache_that_cannot_be_written_is_a_clear_error(
    variable: str, missing: bool, desk: Path, read_only: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = {variable: "/proc/xinglin" if missing else str(read_only)}
    done = run_here(monkeypatch, "data_recipes/suites.py", "add", "出 (1)/集", cwd=desk, **place)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "cannot write here" in done.stderr and "set XINGLIN_CACHE" in done.stderr


@pytest.mark.slow  # four commands start
@pytest.mark.usefixtures("built")
def test_cache_in_a_path_with_spaces_and_chinese(desk: Path, tmp_path: Path) -> None:
    cache = {"XINGLIN_CACHE": str(tmp_path / "缓存 (大)"), "HOME": "/proc/xinglin", "LANG": "C"}
    suites = "data_recipes/suites.py"
    commands = ((suites, "add", "出 (1)/集"), (suites,), (suites, "remove", "bencao"), (suites,))
    added, one, removed, none = run(*commands, cwd=desk, **cache)
    assert added.returncode == removed.returncode == 0
    assert one.stdout == "bencao\n" and none.stdout == "no protected set is registered\n"


def test_out_that_cannot_be_written_is_a_clear_error(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["data=bencao", "source.path=保养 (一).jsonl", "out=/proc/xinglin/out"]
    done = run_here(monkeypatch, "data_recipes/build.py", *words, cwd=desk)
    assert done.returncode == 2 and "cannot write here" in done.stderr and "choose another place" in done.stderr
