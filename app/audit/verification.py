"""Whether a chain of records is as it was written; where it is not, by file and line."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from app.audit.chain import BEGINNING, NEWEST_BYTES, NO_RECORDS, ChainEnd, HeldChain, PlacedRecord, Record, hash_of
from common.errors import UserError
from common.hashing import sha256_value


class ChainBreak(NamedTuple):
    """A place where the chain is not as it was written.

    Attributes:
        where: ``file:line``, or the row of a table.
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


def breaks_at_the_end(chain: HeldChain) -> list[ChainBreak]:
    """Where the newest records, a mebibyte of them, are not as they were written; a start can wait for that."""
    found: list[ChainBreak] = []
    before: ChainEnd | None = None
    for placed in chain.newest_records(NEWEST_BYTES):
        if placed.record is None:
            found.append(ChainBreak(placed.where, "this is no record"))
            continue
        problems = [*_link_problems(placed.record, before), *_own_problems(placed.record)]
        before = ChainEnd(placed.record["number"], placed.record["sha256"])
        found += [ChainBreak(f"{placed.where}: record {before.number}", problem) for problem in problems]
    return found


def verified(chain: HeldChain) -> VerifiedChain:
    """Reads the whole chain.

    Raises:
        UserError: There is none.
    """
    if chain.is_empty:
        raise UserError(
            "there are no records here", where=chain.where, fix="give the service's audience.records.folder"
        )
    found = VerifiedChain()
    for where, is_replaced in chain.cut_off():
        if is_replaced:
            found.notes.append(f"{where}: the last line was cut off while it was written; the next record replaces it")
        else:
            found.breaks.append(ChainBreak(where, "its last line is cut off, and there are later records"))
    first: PlacedRecord | None = None
    anchors, without_text = {BEGINNING}, dict[int, str]()
    for placed in chain.records():
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
