"""Files and directories that are either complete or absent: written next to their target, then renamed."""

import ctypes
import errno
import fcntl
import json
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from loguru import logger

from common.errors import UserError
from common.hashing import sha256_text

CLOCK = 2.0  # seconds by which the system's word for when a process began may be off
LFS_POINTER = b"version https://git-lfs"
PARTIAL, RETIRED = "partial", "retired"  # name parts: being written; old directory being replaced

_renameat2: Callable[..., int] | None
try:
    _renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
except AttributeError:  # not Linux
    _renameat2 = None


def cache_dir() -> Path:
    """Where built models and datasets are cached: ``XINGLIN_CACHE``, by default under the user's cache directory.

    Raises:
        UserError: The user has no home directory.
    """
    configured = os.environ.get("XINGLIN_CACHE")
    parent = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(configured or f"{parent}/xinglin").expanduser()
    except RuntimeError as error:
        raise UserError(str(error), where="the cache", fix="set XINGLIN_CACHE to a writable directory") from None


class DiskFull(UserError):
    """There is no space left; what was finished before is intact, and the command resumes from it."""


RESUMED = "and run again; finished parts are intact (resume=RUN continues a run)"
UNWRITTEN = re.compile(
    "No space left on device|PytorchStreamWriter failed|unexpected pos|iostream error|requested and .* written"
)
"""How libraries that write in Rust or C++ say that there was no room; torch and numpy do not give the reason."""


@contextmanager
def disk_errors(target: Path) -> Iterator[None]:
    """Turns "no space left" and "permission denied" below into an error that says which directory and what to do.

    Raises:
        DiskFull: The disk is full or over quota, or a file is larger than a limit of the process.
        UserError: It is read-only, or the directory is not writable.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        number = error.errno if isinstance(error, OSError) else None
        if number in (errno.ENOSPC, errno.EDQUOT) or UNWRITTEN.search(str(error)):
            raise _disk_full(target) from error
        if number == errno.EFBIG:
            raise DiskFull(
                "a file may not grow so large here", where=str(target), fix=f"raise the limit (ulimit -f) {RESUMED}"
            ) from error
        if isinstance(error, OSError) and number in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise _not_writable(target, error) from error
        raise


def _disk_full(target: Path) -> DiskFull:
    existing = _existing(target)
    mount = next(path for path in (existing, *existing.parents) if path.is_mount())
    space, cache = shutil.disk_usage(mount), _existing(cache_dir())
    also = f", what is not needed in {cache_dir()}" if cache.stat().st_dev == existing.stat().st_dev else ""
    return DiskFull(
        f"the disk is full: {space.free / 2**20:,.0f} of {space.total / 2**20:,.0f} MiB are free on {mount}, "
        "or fewer within a quota",
        where=str(target),
        fix=f"free some space there (older runs and their checkpoints/{also}) {RESUMED}",
    )


def _existing(path: Path) -> Path:
    """The path itself, or the nearest one above it that exists."""
    absolute = path.absolute()
    return next(above for above in (absolute, *absolute.parents) if above.exists())


def _not_writable(target: Path, error: OSError) -> UserError:
    cached = target.absolute().is_relative_to(cache_dir().absolute())
    fix = "set XINGLIN_CACHE to a writable directory" if cached else "choose another place"
    return UserError(f"cannot write here ({error.strerror})", where=str(target), fix=fix)


def make_directory(directory: Path) -> None:
    """Makes a directory, and those above it, where it is missing.

    Raises:
        UserError: It cannot be made, whatever the reason.
    """
    with disk_errors(directory):
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, FileNotFoundError, NotADirectoryError) as error:  # below a file, or below /proc
            raise _not_writable(directory, error) from error


def check_writable(directory: Path) -> None:
    """Finds before a long work that its result could not be written; nothing is made.

    Raises:
        UserError: The directory, or the one it would be made in, cannot be written.
    """
    with disk_errors(directory):
        try:
            with tempfile.TemporaryFile(dir=_existing(directory)) as file:
                file.write(b"\0")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise _not_writable(directory, error) from error


@contextmanager
def only_writer(directory: Path) -> Iterator[None]:
    """Makes a directory and keeps it for this process until the block ends, also where processes are killed.

    A directory that was made for this and stays empty is removed.

    Raises:
        UserError: Another process has it, or it cannot be made or written.
    """
    is_new = not directory.exists()
    make_directory(directory)
    check_writable(directory)
    handle = os.open(directory, os.O_RDONLY)
    try:
        _take(handle, directory)
        yield
    finally:
        os.close(handle)
        if is_new:
            with suppress(OSError):  # it has the result
                directory.rmdir()


def _take(handle: int, directory: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(
            "another process is writing here", where=str(directory), fix="wait for it, or choose another directory"
        ) from None


@contextmanager
def replacing_directory(target: Path) -> Iterator[Path]:
    """Yields an empty directory next to ``target`` that replaces it when the block succeeds.

    On any exception the half-written directory is removed and ``target`` stays as it was. Where the file system can
    exchange two names (most can on Linux), ``target`` is the old or the new one at every moment. Elsewhere a process
    killed between two renames leaves no ``target``; the next call restores the old one.

    Raises:
        UserError: The disk is full, or the directory may not be written.
    """
    make_directory(target.parent)
    with disk_errors(target):
        _clean_up(target)
        partial = _beside(target, PARTIAL)
        try:
            partial.mkdir()
        except FileNotFoundError as error:  # below /proc
            raise _not_writable(target, error) from error
        try:
            with disk_errors(target):  # before what was written is removed and there is room again
                yield partial
            _put_in_place(partial, target)
        finally:
            _remove(partial)


@contextmanager
def replacing_file(target: Path) -> Iterator[Path]:
    """Yields a path next to ``target``; the file written there is flushed to disk and renamed when the block succeeds.

    On any exception the half-written file is removed and ``target`` stays as it was.

    Raises:
        UserError: The disk is full, the directory may not be written, or ``target`` is one.
    """
    make_directory(target.parent)
    if target.is_dir():
        raise UserError("this is a directory", where=str(target), fix="give the path of a file")
    with disk_errors(target):
        _clean_up(target)
        partial = _beside(target, PARTIAL)
        try:
            with disk_errors(target):
                yield partial
                sync(partial)
            partial.replace(target)
        except FileNotFoundError:
            check_writable(target.parent)  # below /proc: its refusal has another name
            raise
        finally:
            _remove(partial)


def refuse_lfs_pointer(path: Path) -> None:
    """Refuses a file that Git keeps elsewhere, where only the pointer to it was fetched.

    Raises:
        UserError: It is such a pointer (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md).
    """
    with path.open("rb") as opened:
        if opened.read(len(LFS_POINTER)) == LFS_POINTER:
            raise UserError("this is a Git LFS pointer, not the file itself", where=str(path), fix="run: git lfs pull")


def sync(path: Path) -> None:
    """Waits until a file's content, or the names in a directory, have reached the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _beside(target: Path, role: str) -> Path:
    """A name that no other writer of the same target has, and that shows whether its writer is still running."""
    return target.with_name(f".{target.name}.{role}-{_machine()}-{os.getpid()}-{threading.get_native_id()}")


def _machine() -> str:
    """Process numbers mean nothing on another machine or in another container that shares the file system."""
    return sha256_text(os.uname().nodename)[:8]


def clean_up(directory: Path) -> None:
    """Removes what killed processes left half-written in a directory; what may still be written is reported."""
    if not directory.is_dir():
        return
    names = re.compile(rf"\.(.+)\.({PARTIAL}|{RETIRED})-\w+-\d+-\d+")
    for target in sorted({found[1] for path in directory.iterdir() if (found := names.fullmatch(path.name))}):
        _clean_up(directory / target)
    for path in directory.iterdir():
        if names.fullmatch(path.name):
            logger.warning("{}: half-written by a process that runs, or ran on another machine; remove it if not", path)


def _clean_up(target: Path) -> None:
    """Removes what killed processes left next to ``target``, and restores the old one if it was moved away."""
    for retired in _abandoned(target, RETIRED):
        if target.exists():
            _remove(retired)
        else:
            retired.rename(target)
            logger.warning("{}: restored after a process was killed while replacing it", target)
    for partial in _abandoned(target, PARTIAL):
        _remove(partial)
        logger.info("{}: removed; it was left by a process that was killed", partial)


def _abandoned(target: Path, role: str) -> list[Path]:
    pattern = re.compile(rf"{re.escape(f'.{target.name}.{role}-{_machine()}')}-(\d+)-\d+")
    with os.scandir(target.parent) as entries:
        found = [(Path(entry.path), owner) for entry in entries if (owner := pattern.fullmatch(entry.name))]
    own = _beside(target, role)  # a restarted container reuses its old process numbers
    return [path for path, owner in found if path == own or not _is_written(path, int(owner[1]))]


def _is_written(path: Path, owner: int) -> bool:
    """Whether the process that began a file is still running, and not a later one with its number."""
    try:
        return psutil.Process(owner).create_time() < path.lstat().st_ctime + CLOCK
    except psutil.NoSuchProcess:
        return False
    except FileNotFoundError:  # it was put in place meanwhile
        return True


def _put_in_place(partial: Path, target: Path) -> None:
    """Renames ``partial`` to ``target``; an older ``target`` is removed, or swapped to ``partial``."""
    retired = _beside(target, RETIRED)
    while not _exchange(partial, target):
        try:
            with suppress(FileNotFoundError):
                target.rename(retired)
            partial.rename(target)
            break
        except BaseException as error:
            if retired.exists() and not target.exists():
                retired.rename(target)
            if not isinstance(error, OSError) or error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            _remove(retired)  # another writer was faster: replace what it wrote
    _remove(retired)


def _exchange(one: Path, other: Path) -> bool:
    """Exchanges two names atomically; False where ``other`` is missing, or the system cannot."""
    if _renameat2 is None:
        return False
    here, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux
    if _renameat2(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOENT, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
        return False
    raise OSError(number, os.strerror(number), str(other))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a whole text file (UTF-8), or leaves the old one."""
    with replacing_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file (UTF-8, readable Chinese, 2 spaces), whole or not at all."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Raises:
        UserError: The file is missing or is not JSON; the message names file and line.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError("the file does not exist", where=str(path), fix="check the path") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        line = getattr(error, "lineno", 1)
        raise UserError(
            f"this is not JSON: {error}", where=f"{path}:{line}", fix="the file is damaged; create it again"
        ) from None
