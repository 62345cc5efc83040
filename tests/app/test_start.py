"""What is wrong with a start is reported before anything that takes seconds is imported."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
START = """
import atexit, runpy, sys

late = {"fastapi", "peft", "torch", "transformers", "uvicorn"}
atexit.register(lambda: print("imported", *late & set(sys.modules)))
sys.argv = ["app", *sys.argv[1:]]
runpy.run_module("app", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(("wrong", "hint"), [("path", "no such directory"), ("port", "cannot listen")])
def test_a_wrong_path_or_a_port_in_use_needs_no_library(tmp_path: Path, wrong: str, hint: str) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1] if wrong == "port" else 0
        words = [f"model={tmp_path / 'none' if wrong == 'path' else tmp_path}", f"port={port}"]
        done = subprocess.run(
            [sys.executable, "-c", START, *words],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 2 and hint in done.stderr
    assert done.stdout == "imported\n"
