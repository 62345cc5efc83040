"""Whether a chain of records is as it was written; where it is not, by file and line."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from app.audit.chain import BEGINNING, FORMAT, NO_RECORDS, AuditChain, ChainEnd, Record, hash_of, line_start
from common.errors import UserError
from common.hashing import sha256_value

NEWEST_BYTES = 2**20
"""Bytes of records that are read at a start."""


class ChainBreak(NamedTuple):
    """A place where the chain is not as it was written.

    Attributes:
        where: ``file:line``.
        problem: What is wrong there.
    """

    where: str
    problem: str

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"


@dataclass
class VerifiedChain:
    """What was found.

    Attributes:
        records: Number of records.
        end: The newest one.
        breaks: Where the chain is not as it was written.
        notes: What is unusual, and no change.
    """

    records: int = 0
    end: ChainEnd = NO_RECORDS
    breaks: list[ChainBreak] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class PlacedRecord(NamedTuple):
    """A line of a chain.

    Attributes:
        where: ``file:line``.
        file: Its file.
        record: What is in it; None where that is no record.
    """

    where: str
    file: Path
    record: Record | None


def records_of(chain: AuditChain) -> Iterator[PlacedRecord]:
    """The lines in order; what a killed process has written of a last one is no line."""
    for path in chain.files():
        yield from records_in(path)


def records_in(path: Path) -> Iterator[PlacedRecord]:
    """The lines of one file."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n"):
                yield PlacedRecord(f"{path}:{number}", path, _record(line))


def breaks_at_the_end(chain: AuditChain) -> list[ChainBreak]:
    """Where the newest records, a mebibyte of them, are not as they were written; a start can wait for that."""
    found: list[ChainBreak] = []
    before: ChainEnd | None = None
    for placed in _newest_records(chain):
        if placed.record is None:
            found.append(ChainBreak(placed.where, "this is no record"))
            continue
        problems = [*_link_problems(placed.record, before), *_own_problems(placed.record)]
        before = ChainEnd(placed.record["number"], placed.record["sha256"])
        found += [ChainBreak(f"{placed.where}: record {before.number}", problem) for problem in problems]
    return found


def _newest_records(chain: AuditChain) -> list[PlacedRecord]:
    records: list[PlacedRecord] = []
    rest = NEWEST_BYTES
    for path in reversed(chain.files()):
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = file.seek(line_start(file, max(0, size - rest)))
            *lines, _ = file.read().split(b"\n")  # what a killed process has written of a last one is no line
        records = [*(PlacedRecord(str(path), path, _record(line)) for line in lines), *records]
        rest -= size - start
        if rest <= 0:
            break
    return records


def _record(line: bytes) -> Record | None:
    try:
        value: Any = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) and _has_shape(value) else None


def _has_shape(value: Record) -> bool:
    """Whether an object has what every record, and one of its kind, must have, as it was written here."""
    deleted, pruned = value.get("records", []), value.get("files", {})
    return (
        value.get("format") == FORMAT
        and type(value.get("number")) is int
        and all(isinstance(value.get(name), str) for name in ("sha256", "previous", "record"))
        and isinstance(deleted, list)
        and all(type(number) is int for number in deleted)
        and isinstance(pruned, dict)
        and all(isinstance(sha256, str) for sha256 in pruned.values())
    )


def verified(chain: AuditChain) -> VerifiedChain:
    """Reads the whole chain.

    Raises:
        UserError: There is none.
    """
    if not chain.files():
        raise UserError("there are no records here", where=str(chain.folder), fix="give the service's records.folder")
    found = VerifiedChain()
    for path in _cut_lines(chain):
        if path == chain.files()[-1]:
            found.notes.append(f"{path}: the last line was cut off while it was written; the next record replaces it")
        else:
            found.breaks.append(ChainBreak(str(path), "its last line is cut off, and there are later records"))
    first: PlacedRecord | None = None
    anchors, without_text = {BEGINNING}, dict[int, str]()
    for placed in records_of(chain):
        record = placed.record
        if record is None:
            found.breaks.append(ChainBreak(placed.where, "this is no record"))
            continue
        first = first or placed
        problems = [*_link_problems(record, found.end if placed is not first else None), *_own_problems(record)]
        found.breaks += [ChainBreak(placed.where, problem) for problem in problems]
        found.records += 1
        found.end = ChainEnd(record["number"], record["sha256"])
        if "text_sha256" in record and "text" not in record:
            without_text[found.end.number] = placed.where
        if record.get("record") == "deleted":
            for number in record.get("records", ()):
                without_text.pop(number, None)
        if record.get("record") == "pruned":
            anchors |= set(record.get("files", {}).values())
    if first and first.record and first.record.get("previous") not in anchors:
        found.breaks.insert(
            0, ChainBreak(first.where, "what was before it is missing, and no record says it was pruned")
        )
    found.breaks += [
        ChainBreak(where, "its text is missing, and no record says it was deleted") for where in without_text.values()
    ]
    return found


def _link_problems(record: Record, before: ChainEnd | None) -> Iterator[str]:
    """Whether a record follows the one before it; nothing is asked of the first."""
    if before and (record.get("number"), record.get("previous")) != (before.number + 1, before.sha256):
        yield f"it does not follow record {before.number}: something was removed, inserted or moved"


def _own_problems(record: Record) -> Iterator[str]:
    """Whether a record is as it was sealed."""
    if record.get("sha256") != hash_of(record):
        yield "its content was changed"
    if "text" in record and record.get("text_sha256") != sha256_value(record["text"]):
        yield "its text was changed"


def _cut_lines(chain: AuditChain) -> Iterator[Path]:
    """Files whose last line was not written to its end."""
    for path in chain.files():
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            if line_start(file, size) < size:
                yield path
