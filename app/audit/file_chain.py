"""A chain in JSON lines, a file per day, in a folder."""

import fcntl
import json
import os
import re
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from loguru import logger

from app.audit.chain import NO_RECORDS, AuditChain, ChainEnd, HeldChain, OldPart, PlacedRecord, Record, record_of
from app.audit.search import RecordSearch
from common.errors import UserError
from common.files import replacing_file, sync

BLOCK = 1 << 16
NAME = re.compile(r"audit-(\d{4}-\d\d-\d\d)\.jsonl")


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


class FileChain(AuditChain, HeldChain):
    """The chain in a folder; it may also be read without being held.

    Args:
        folder: Where the files are; it must exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.where = folder, str(folder)

    def files(self) -> list[Path]:
        """The files in the order of their records."""
        return sorted(path for path in self.folder.iterdir() if NAME.fullmatch(path.name))

    @contextmanager
    def locked(self) -> Iterator["FileChain"]:
        """See ``AuditChain.locked``."""
        handle = os.open(self.folder / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield self
        finally:
            os.close(handle)

    def newest(self) -> ChainEnd:
        """See ``HeldChain.newest``; of a line that was cut off while it was written, the log says it is dropped."""
        for path in reversed(self.files()):
            if line := self._last_line(path):
                return _end_in(line, path)
        return NO_RECORDS

    def write(self, record: Record) -> None:
        """See ``HeldChain.write``."""
        path, line = self._file_of(record["time"][:10]), (json.dumps(record, ensure_ascii=False) + "\n").encode()
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

    @property
    def is_empty(self) -> bool:
        """See ``HeldChain.is_empty``."""
        return not self.files()

    def records(self) -> Iterator[PlacedRecord]:
        """See ``HeldChain.records``."""
        for path in self.files():
            yield from _records_in(path)

    def newest_records(self, size: int) -> list[PlacedRecord]:
        """See ``HeldChain.newest_records``."""
        records: list[PlacedRecord] = []
        for path in reversed(self.files()):
            with path.open("rb") as file:
                end = file.seek(0, os.SEEK_END)
                start = file.seek(line_start(file, max(0, end - size)))
                *lines, _ = file.read().split(b"\n")  # what a killed process has written of a last one is no line
            records = [*(PlacedRecord(str(path), _record(line)) for line in lines), *records]
            size -= end - start
            if size <= 0:
                break
        return records

    def cut_off(self) -> list[tuple[str, bool]]:
        """See ``HeldChain.cut_off``."""
        cut = []
        for path in self.files():
            with path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                if line_start(file, size) < size:
                    cut.append((str(path), path == self.files()[-1]))
        return cut

    def search(self, search: RecordSearch) -> list[Record]:
        """See ``HeldChain.search``; one file is read after another, from the newest, until there are enough."""
        records: list[Record] = []
        for path in reversed(self.files()):
            matching = (one.record for one in _records_in(path) if one.record and search.matches(one.record))
            records += reversed(deque(matching, maxlen=search.limit - len(records)))
            if len(records) == search.limit:
                break
        return records

    def older_than(self, day: str) -> list[OldPart]:
        """See ``HeldChain.older_than``; files leave as a whole, and the newest one stays."""
        old = [path for path in self.files()[:-1] if _day(path) < day]
        return [OldPart(path.name, _end_in(self._last_line(path), path)) for path in old]

    def remove(self, parts: Sequence[OldPart]) -> None:
        """See ``HeldChain.remove``."""
        for part in parts:
            (self.folder / part.name).unlink()

    def remove_texts(self, numbers: set[int]) -> None:
        """See ``HeldChain.remove_texts``."""
        for path in self.files():
            if any(one.record and one.record["number"] in numbers for one in _records_in(path)):
                _without_texts(path, numbers)

    def _file_of(self, day: str) -> Path:
        """The file to append to: today's, or a later one where the clock was set back."""
        days = [day, *(_day(path) for path in self.files()[-1:])]
        return self.folder / f"audit-{max(days)}.jsonl"

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


def _records_in(path: Path) -> Iterator[PlacedRecord]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n"):
                yield PlacedRecord(f"{path}:{number}", _record(line))


def _record(line: bytes) -> Record | None:
    try:
        value: Any = json.loads(line)
    except ValueError:
        return None
    return record_of(value)


def _without_texts(path: Path, numbers: set[int]) -> None:
    with replacing_file(path) as partial:
        partial.touch(mode=0o600)
        with path.open("rb") as lines, partial.open("wb") as out:
            for line in lines:
                record: Record = json.loads(line)
                if record["number"] in numbers:
                    record.pop("text", None)
                    line = (json.dumps(record, ensure_ascii=False) + "\n").encode()
                out.write(line)


def _day(path: Path) -> str:
    found = NAME.fullmatch(path.name)
    assert found is not None
    return found[1]


def _end_in(line: bytes, path: Path) -> ChainEnd:
    try:
        record = json.loads(line)
        number, sha256 = record["number"], record["sha256"]
    except (ValueError, TypeError, KeyError):
        number = sha256 = None
    if type(number) is int and isinstance(sha256, str):
        return ChainEnd(number, sha256)
    fix = "keep this folder (python -m app.audit verify), and give another audience.records.folder"
    raise UserError("the newest line is no record", where=str(path), fix=fix)
