"""Records in JSON lines, a file per day, each with the hash of the one before: what is changed later shows.

A record's hash covers all of it but its texts, and of these a salted hash. So a person's texts can be deleted and the
chain still verifies. Old files leave with an anchor: a record of the hashes that they ended with.
"""

import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

from loguru import logger

from common.errors import UserError
from common.files import sync
from common.hashing import sha256_value

FORMAT = 1
BEGINNING = "0" * 64
"""What stands for the hash of the record before the first one."""

UNHASHED = ("sha256", "text")
"""What a record's hash does not cover: itself, and the texts, whose own hash it covers."""

BLOCK = 1 << 16
NAME = re.compile(r"audit-(\d{4}-\d\d-\d\d)\.jsonl")

RecordKind = Literal["answer", "feedback", "deleted", "pruned"]
Record = dict[str, Any]


class ChainEnd(NamedTuple):
    """The newest record of a chain.

    Attributes:
        number: Its number, counted from 1; 0 where there is none.
        sha256: Its hash.
    """

    number: int = 0
    sha256: str = BEGINNING


NO_RECORDS = ChainEnd()


def hash_of(record: Mapping[str, Any]) -> str:
    """The hash of a record."""
    return sha256_value({name: value for name, value in record.items() if name not in UNHASHED})


def line_start(file: BinaryIO, position: int) -> int:
    """Where the line begins that a position is in."""
    while position > 0:
        start = max(0, position - BLOCK)
        file.seek(start)
        newline = file.read(position - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        position = start
    return 0


class AuditChain:
    """The chain in a folder. Several processes and threads may append to it.

    Args:
        folder: Where the files are; it must exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def files(self) -> list[Path]:
        """The files in the order of their records."""
        return sorted(path for path in self.folder.iterdir() if NAME.fullmatch(path.name))

    def end(self) -> ChainEnd:
        """The newest record; of a line that was cut off while it was written, the log says that it is dropped.

        Raises:
            UserError: The newest line is no record.
        """
        with self.locked():
            return self._end()

    def append(self, kind: RecordKind, content: Record, text: Record | None = None) -> ChainEnd:
        """Writes a record, which is on disk when this returns.

        Args:
            kind: What it is about.
            content: What its hash covers.
            text: What persons wrote and read; it can be deleted later.

        Raises:
            OSError: It could not be written; the chain is as before.
            UserError: The newest line is no record.
        """
        with self.locked():
            return self.append_locked(kind, content, text)

    def append_locked(self, kind: RecordKind, content: Record, text: Record | None = None) -> ChainEnd:
        """See ``append``; inside ``locked``."""
        before = self._end()
        now = datetime.now().astimezone()
        record: Record = {
            "format": FORMAT,
            "number": before.number + 1,
            "time": now.isoformat(timespec="seconds"),
            "record": kind,
            **content,
        }
        if text is not None:
            text = {"salt": secrets.token_hex(16), **text}  # short texts could be guessed from their hash
            record["text_sha256"] = sha256_value(text)
        record["previous"] = before.sha256
        record["sha256"] = hash_of(record)
        if text is not None:
            record["text"] = text
        self._write(self._file_of(now.date()), (json.dumps(record, ensure_ascii=False) + "\n").encode())
        return ChainEnd(record["number"], record["sha256"])

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps all others from writing, until the block ends or the process does."""
        handle = os.open(self.folder / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _file_of(self, day: date) -> Path:
        """The file to append to: today's, or a later one where the clock was set back."""
        newest = [NAME.fullmatch(path.name) for path in self.files()[-1:]]
        days = [day.isoformat(), *(found[1] for found in newest if found)]
        return self.folder / f"audit-{max(days)}.jsonl"

    def _end(self) -> ChainEnd:
        for path in reversed(self.files()):
            if line := self._last_line(path):
                return _end_in(line, path)
        return NO_RECORDS

    def _last_line(self, path: Path) -> bytes:
        """The newest whole line, empty where there is none; what a killed process has written of another is dropped."""
        with path.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            whole = line_start(file, size)
            if whole < size:
                logger.error("{}: the last line was cut off while it was written, and is dropped", path)
                file.truncate(whole)
            start = line_start(file, whole - 1)
            file.seek(start)
            return file.read(whole - start)

    def _write(self, path: Path, line: bytes) -> None:
        """Appends a line, or leaves the file as it is."""
        is_new = not path.exists()
        file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)  # patients wrote it
        size = os.fstat(file).st_size
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(file, rest) :]
            os.fsync(file)
            if is_new:
                sync(self.folder)
        except OSError:
            os.ftruncate(file, size)
            raise
        finally:
            os.close(file)


def _end_in(line: bytes, path: Path) -> ChainEnd:
    try:
        record = json.loads(line)
        number, sha256 = record["number"], record["sha256"]
    except (ValueError, TypeError, KeyError):
        number = sha256 = None
    if type(number) is int and isinstance(sha256, str):
        return ChainEnd(number, sha256)
    fix = "keep this folder (python -m app.audit verify), and give another records.folder"
    raise UserError("the newest line is no record", where=str(path), fix=fix)
