"""Where a build keeps its progress, so that it can be killed at any point and resumed."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from loguru import logger

from common.errors import Refused, UserError
from common.files import disk_errors, make_directory, replacing_file


@contextmanager
def work_directory(out: Path, key: str) -> Iterator[Path]:
    """Yields the directory beside ``out`` that holds the finished shards of this very build.

    It is removed when the build succeeds or its input is wrong. When the process is killed it stays, and the next build
    with the same key resumes; one with another key removes it. Two builds at once wait for each other.

    Args:
        out: Where the dataset will be.
        key: Of everything that the result depends on.
    """
    new_parents = [parent for parent in out.parents if not parent.exists()]
    make_directory(out.parent)
    with disk_errors(out):
        for stale in out.parent.glob(f".{out.name}.work-*"):
            if stale.name != _name(out, key):
                shutil.rmtree(stale, ignore_errors=True)
        with _locked(out.with_name(_name(out, key))) as directory:
            try:
                yield directory
                shutil.rmtree(directory)
            except (UserError, Refused):
                shutil.rmtree(directory)
                _remove_empty(new_parents)
                raise


def _name(out: Path, key: str) -> str:
    return f".{out.name}.work-{key[:16]}"


@contextmanager
def _locked(directory: Path) -> Iterator[Path]:
    while True:
        directory.mkdir(exist_ok=True)
        handle = os.open(directory, os.O_RDONLY)
        try:
            _lock(handle, directory)
            if _is_still(directory, handle):  # the build that held the lock may have removed it
                yield directory
                return
        finally:
            os.close(handle)


def _lock(handle: int, directory: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        logger.info("another build is running in {}; waiting for it", directory)
        fcntl.flock(handle, fcntl.LOCK_EX)


def _is_still(directory: Path, handle: int) -> bool:
    try:
        return os.path.samestat(directory.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _remove_empty(directories: list[Path]) -> None:
    for directory in directories:
        try:
            directory.rmdir()
        except OSError:
            return


def write_table(table: pa.Table, path: Path) -> None:
    """Writes a Parquet file, whole or not at all."""
    with replacing_file(path) as partial:
        pq.write_table(table, partial, compression="zstd")


@contextmanager
def scratch_folder(work: Path) -> Iterator[Path]:
    """An empty folder for temporary files, cleared of what an earlier build has left in it."""
    folder = work / "scratch"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)
