"""What several workers of pytest-xdist only read: the first one that needs it makes it, the others wait for it."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder of this test session.

    Args:
        factory: Knows where the session's temporary files are.
        name: The folder's name.
        make: Fills it.
    """
    of_worker = factory.getbasetemp()
    folder = (of_worker.parent if "PYTEST_XDIST_WORKER" in os.environ else of_worker) / name
    done = folder.with_name(f"{name}.done")
    with folder.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)  # a worker failed in the middle of it
            folder.mkdir()
            make(folder)
            done.touch()
    return folder
