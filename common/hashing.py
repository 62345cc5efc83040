"""SHA-256 of files, directories and plain values: how every step knows whether its inputs changed."""

import hashlib
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

SETTLED = 2_000_000_000
"""Nanoseconds without a change after which a later one is sure to show: clocks of file systems tick in milliseconds."""


def sha256_text(text: str) -> str:
    """Hex SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes, read in blocks of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def sha256_value(value: Any) -> str:
    """Hex SHA-256 of a JSON-able value; the order of dictionary keys does not matter."""
    return sha256_text(json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")))


def sha256_files(paths: Iterable[Path]) -> str:
    """Hex SHA-256 over the names and contents of several files, in the order of their names."""
    return sha256_of_hashes((path.name, sha256_file(path)) for path in sorted(paths))


def sha256_of_hashes(hashes: Iterable[tuple[str, str]]) -> str:
    """Hex SHA-256 over the names of files and the hashes of their contents, as ``sha256_files`` makes it."""
    return sha256_value([list(pair) for pair in hashes])


class FileStamp(NamedTuple):
    """What a file system changes with every write: the size, times of change in nanoseconds, and the inode.

    The time of the last change of the inode cannot be set, so a write that restores the other time shows too.
    """

    size: int
    changed: int
    inode_changed: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> "FileStamp":
        """The stamp of a file as it is now."""
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)

    @property
    def is_settled(self) -> bool:
        """Whether the last change is old enough for the next one to show."""
        return time.time_ns() - max(self.changed, self.inode_changed) > SETTLED


class KnownHashes:
    """SHA-256 of large files, read again only after a change: a model's weights are hashed once per process."""

    def __init__(self) -> None:
        self._known: dict[tuple[Path, FileStamp], str] = {}

    def remember(self, path: Path, stamp: FileStamp, sha256: str) -> None:
        """Takes a hash that an earlier process computed when the file had this stamp."""
        self._known[path.resolve(), stamp] = sha256

    def of(self, path: Path) -> str:
        """Hex SHA-256 of a file's bytes."""
        stamp = FileStamp.of(path)
        known = self._known.get((path.resolve(), stamp))
        if known is None:
            known = sha256_file(path)
            if stamp.is_settled:
                self.remember(path, stamp, known)
        return known


KNOWN_HASHES = KnownHashes()
"""Of this process."""
