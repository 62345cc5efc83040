"""Machines unlike a developer's: no home, a read-only one, an ASCII console, paths with spaces and Chinese."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOT_SET = ("XINGLIN_CACHE", "XDG_CACHE_HOME", "PYTHONUTF8", "PYTHONIOENCODING", "LC_ALL", "LC_CTYPE", "LANG")


def run(script: str, *words: str, cwd: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name not in NOT_SET}
    return subprocess.run(
        [sys.executable, str(ROOT / script), *words],
        cwd=cwd,
        env=environment | {"PYTHONPATH": str(ROOT)} | variables,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


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
def built(desk: Path) -> "subprocess.CompletedProcess[str]":
    """A dataset built with ``LANG=C``, without a usable home, into a path with spaces, Chinese and brackets."""
    words = ["data=bencao", "source.path=保养 (一).jsonl", "out=出 (1)/集", "data.splits.dev=5", "data.splits.test=5"]
    return run("data_recipes/build.py", *words, cwd=desk, LANG="C", HOME="/proc/xinglin")


def test_build_needs_neither_home_nor_locale_nor_plain_paths(
    built: "subprocess.CompletedProcess[str]", desk: Path
) -> None:
    assert built.returncode == 0, built.stderr
    assert "written to 出 (1)/集" in built.stdout
    assert {path.name for path in desk.iterdir()} == {"保养 (一).jsonl", "出 (1)"}
    assert "仪器" in (desk / "出 (1)/集/preview.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    "locale",
    [
        {"LANG": "C"},
        {"LC_ALL": "POSIX"},
        {"LANG": "C", "PYTHONIOENCODING": "ascii"},
        {"LANG": "en_US.ISO-8859-1", "PYTHONIOENCODING": "latin-1"},
    ],
)
def test_chinese_is_printed_whatever_the_locale(locale: dict[str, str], desk: Path) -> None:
    done = run("data_recipes/show.py", "出 (1)/集", "text=仪器怎么保养", "rows=1", cwd=desk, **locale)
    assert done.returncode == 0, done.stderr
    assert "号仪器怎么保养？" in done.stdout and "1 rows shown" in done.stdout
    wrong = run("data_recipes/show.py", "出 (1)/集", "split=测试", cwd=desk, **locale)
    assert wrong.returncode == 2 and "no split 测试" in wrong.stderr and "Traceback" not in wrong.stderr
    helped = run("data_recipes/validate.py", "--help", cwd=desk, **locale)
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


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME", "XINGLIN_CACHE"])
@pytest.mark.parametrize("missing", [True, False])
def test_cache_that_cannot_be_written_is_a_clear_error(
    variable: str, missing: bool, desk: Path, read_only: Path
) -> None:
    place = {variable: "/proc/xinglin" if missing else str(read_only)}
    done = run("data_recipes/suites.py", "add", "出 (1)/集", cwd=desk, **place)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "cannot write here" in done.stderr and "set XINGLIN_CACHE" in done.stderr


@pytest.mark.usefixtures("built")
def test_cache_in_a_path_with_spaces_and_chinese(desk: Path, tmp_path: Path) -> None:
    cache = {"XINGLIN_CACHE": str(tmp_path / "缓存 (大)"), "HOME": "/proc/xinglin", "LANG": "C"}
    assert run("data_recipes/suites.py", "add", "出 (1)/集", cwd=desk, **cache).returncode == 0
    assert run("data_recipes/suites.py", cwd=desk, **cache).stdout == "bencao\n"
    assert run("data_recipes/suites.py", "remove", "bencao", cwd=desk, **cache).returncode == 0
    assert run("data_recipes/suites.py", cwd=desk, **cache).stdout == "no protected set is registered\n"


def test_out_that_cannot_be_written_is_a_clear_error(desk: Path) -> None:
    words = ["data=bencao", "source.path=保养 (一).jsonl", "out=/proc/xinglin/out"]
    done = run("data_recipes/build.py", *words, cwd=desk)
    assert done.returncode == 2 and "cannot write here" in done.stderr and "choose another place" in done.stderr
