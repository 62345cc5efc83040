"""Commands as a shell starts them, in a process that already has the libraries: importing those takes ten seconds.

A server process imports them once and forks for every command. The command has its own process, session, environment,
working directory and streams, and ends with its own exit code; only ``import torch`` and the like are done before.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from common.machine import TUNABLES

PROJECT = Path(__file__).resolve().parent.parent
LIBRARIES = (
    *("torch", "torch.utils.tensorboard", "transformers.trainer", "transformers.models.llama.modeling_llama"),
    *(
        "peft",
        "bitsandbytes",
        "datasets",
        "pandas",
        "polars",
        "pyarrow.parquet",
        "numba",
        "scipy.stats",
        "scipy.sparse",
    ),
    *("rapidfuzz", "lxml.etree", "sacrebleu", "hydra", "pydantic", "fastapi", "uvicorn"),
    *("pypinyin", "jieba.posseg", "opencc", "gguf", "torch._dynamo", "tests.preloaded"),
)
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(list(LIBRARIES))


class Command:
    """A running ``python WORDS``.

    Args:
        words: What follows ``python``: a script's path, ``-m MODULE`` or ``-c CODE``, and its arguments.
        project: The project, or a copy of it: what ``PYTHONPATH`` names.
        cwd: Where it runs.
        environment: What differs from this process's environment.
    """

    def __init__(
        self, *words: str, project: Path = PROJECT, cwd: Path = PROJECT, environment: Mapping[str, str] | None = None
    ) -> None:
        self.words = words
        self._streams = tempfile.TemporaryDirectory()
        folder = Path(self._streams.name)
        self._out, self._err = folder / "out", folder / "err"
        # with heap settings of its own, a training does not start itself again, which would import everything again
        variables = os.environ | {"OMP_NUM_THREADS": "1", TUNABLES: ""} | (environment or {})
        self._process = _SERVER.Process(
            target=_become, args=(words, str(project), str(cwd), dict(variables), str(self._out), str(self._err))
        )
        self._process.start()

    @property
    def returncode(self) -> int | None:
        """The exit code; None while it runs, negative when a signal ended it."""
        return self._process.exitcode

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None
        return self._process.pid

    def send_signal(self, number: signal.Signals) -> None:
        """Sends a signal."""
        os.kill(self.pid, number)

    def read(self) -> tuple[str, str]:
        """What it has printed so far, and what it has logged."""
        return tuple(path.read_text("utf-8") if path.is_file() else "" for path in (self._out, self._err))  # type: ignore[return-value]

    def wait(self, timeout: float = 280) -> tuple[str, str]:
        """Waits for its end; what it has printed and logged."""
        self._process.join(timeout)
        if self.returncode is None:
            self._process.kill()
            raise subprocess.TimeoutExpired(["python", *self.words], timeout, *self.read())
        return self.read()


def run(*words: str, project: Path = PROJECT, cwd: Path = PROJECT, environment: Mapping[str, str] | None = None) -> str:
    """Runs a command that must succeed; what it prints."""
    command = Command(*words, project=project, cwd=cwd, environment=environment)
    out, err = command.wait()
    assert command.returncode == 0, out[-3000:] + err[-3000:]
    return out


def _become(words: tuple[str, ...], project: str, cwd: str, variables: dict[str, str], out: str, err: str) -> NoReturn:
    """In the forked process: what the interpreter does when a shell starts it with these words."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, path in ((0, os.devnull), (1, out), (2, err)):
        opened = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, number)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8") for number in (1, 2))
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(cwd)
    first = cwd if words[0] in ("-m", "-c") else str(Path(words[0]).resolve().parent)
    sys.path[:] = [first, project, *(path for path in sys.path if "site-packages" in path or str(PROJECT) not in path)]
    for name in [name for name in sys.modules if name.partition(".")[0] in ("tests", "common")]:
        del sys.modules[name]  # a copy of the project has its own
    if words[0] == "-m":
        sys.argv = list(words[1:])
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    elif words[0] == "-c":
        sys.argv = ["-c", *words[2:]]
        exec(compile(words[1], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = list(words)
        runpy.run_path(words[0], run_name="__main__")
    sys.exit(0)
