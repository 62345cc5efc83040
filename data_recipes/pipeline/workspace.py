"""Where a build keeps its progress, so that it can be killed at any point and resumed."""

import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from loguru import logger

from common.errors import Refused, UserError
from common.files import PARTIAL, RETIRED, DiskFull, disk_errors, make_directory, replacing_file

WORK = ".work"
_KEY = re.compile("[0-9a-f]{16}")
_LEFT = re.compile(rf"\..+\.(?:{PARTIAL}|{RETIRED})-[0-9a-f]{{8}}-\d+-\d+")


WEEK = 7 * 24 * 3600  # seconds after which what a killed build left is not resumed any more


@contextmanager
def work_directory(out: Path, key: str) -> Iterator[Path]:
    """Yields the directory beside ``out`` that holds the finished shards of this very build.

    It is removed when the build succeeds or its input is wrong. When the process is killed or the disk is full it
    stays, and the next build with the same key resumes; one with another key removes it, and so does any build beside
    it after a week. Builds into one ``out`` wait for each other, whatever their keys.

    Args:
        out: Where the dataset will be.
        key: Of everything that the result depends on.
    """
    new_parents = [parent for parent in out.parents if not parent.exists()]
    make_directory(out.parent)
    with disk_errors(out):
        _remove_abandoned(out.parent)
        with _locked(out.with_name(f".{out.name}{WORK}")) as own:
            directory = own / key[:16]
            for stale in own.iterdir():
                if stale != directory:
                    shutil.rmtree(stale)
            directory.mkdir(exist_ok=True)
            try:
                yield directory
            except DiskFull:
                raise
            except (UserError, Refused):
                shutil.rmtree(own)
                _remove_empty(new_parents)
                raise
            shutil.rmtree(own)


def _remove_abandoned(parent: Path) -> None:
    """Removes what builds that were killed have left, unless one is running or it is young enough to be resumed."""
    for left in filter(_is_ours, parent.iterdir()):
        with suppress(FileNotFoundError):  # another build may remove it too
            newest = max(path.lstat().st_mtime for path in (left, *left.rglob("*")))
            if time.time() - newest > WEEK and not _is_locked(left):
                logger.info("removing what a killed build left more than a week ago: {}", left)
                shutil.rmtree(left)


def _is_ours(path: Path) -> bool:
    """Whether this is a work directory, or a dataset that was being written."""
    if not path.name.startswith(".") or not path.is_dir():
        return False
    return _LEFT.fullmatch(path.name) is not None or (
        path.name.endswith(WORK) and all(_KEY.fullmatch(child.name) for child in path.iterdir())
    )


def _is_locked(directory: Path) -> bool:
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


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
        logger.info("another build into the same out= is running in {}; waiting for it", directory)
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
