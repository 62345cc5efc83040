"""Files that are either whole or absent: written beside their place, then renamed."""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common.errors import UserError


def cache_dir() -> Path:
    """Where built models and datasets are cached: ``XINGLIN_CACHE``, by default under the user's cache directory."""
    configured = os.environ.get("XINGLIN_CACHE")
    if configured:
        return Path(configured).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "xinglin"


@contextmanager
def disk_errors(target: Path) -> Iterator[None]:
    """Turns "no space left" and "permission denied" below into an error that says which directory and what to do.

    Raises:
        UserError: The disk is full, over quota, read-only, or the directory may not be written.
    """
    try:
        yield
    except Exception as error:
        if _disk_is_full(error, target):
            raise UserError(
                "the disk is full",
                where=str(target),
                fix="free some space and run again; what was complete is untouched (a run continues with resume=)",
            ) from error
        if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise UserError(
                f"cannot write here ({error.strerror})", where=str(target), fix="choose another place"
            ) from error
        raise


def _disk_is_full(error: Exception, target: Path) -> bool:
    """Libraries that write in Rust or C++ pass the operating system's message on, or only say that a write failed."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    if "No space left on device" in str(error):
        return True
    return "write failed" in str(error) and shutil.disk_usage(target).free < 1 << 20


@contextmanager
def replacing_directory(target: Path) -> Iterator[Path]:
    """Yields an empty directory beside ``target`` that takes its place when the block ends well.

    On any exception the half-written directory is removed and an existing ``target`` stays as it was.
    """
    partial = target.with_name(f".{target.name}.partial-{os.getpid()}")
    with disk_errors(target):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            yield partial
            retired = target.with_name(f".{target.name}.retired-{os.getpid()}")
            if target.exists():
                target.rename(retired)
            partial.rename(target)
            shutil.rmtree(retired, ignore_errors=True)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Writes a whole text file, or leaves the old one: write beside, flush to disk, rename."""
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


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
            f"this is not JSON: {error}", where=f"{path}:{line}", fix="the file is damaged; make it anew"
        ) from None
