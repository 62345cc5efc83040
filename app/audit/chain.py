"""A chain of records, each with the hash of the one before: what is changed later shows.

A record's hash covers all of it but its texts, and of these a salted hash. So a person's texts can be deleted and the
chain still verifies. Old parts leave with an anchor: a record of the hashes that they ended with. Where the records are
is a matter of the kinds of chains: ``file_chain``, ``database_chain``.
"""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Literal, NamedTuple

from app.audit.search import RecordSearch
from common.hashing import sha256_value

FORMAT = 1
BEGINNING = "0" * 64
"""What stands for the hash of the record before the first one."""

UNHASHED = ("sha256", "text")
"""What a record's hash does not cover: itself, and the texts, whose own hash it covers."""

NEWEST_BYTES = 2**20
"""Bytes of records that are read at a start."""

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


class PlacedRecord(NamedTuple):
    """A place of a chain.

    Attributes:
        where: ``file:line``, or the row of a table.
        record: What is there; None where that is no record.
    """

    where: str
    record: Record | None


class OldPart(NamedTuple):
    """Records that leave together.

    Attributes:
        name: Of a file, or the day of the newest of them.
        end: The newest of them.
    """

    name: str
    end: ChainEnd


def hash_of(record: Mapping[str, Any]) -> str:
    """The hash of a record."""
    return sha256_value({name: value for name, value in record.items() if name not in UNHASHED})


def record_of(value: Any) -> Record | None:
    """A value that has what every record, and one of its kind, must have, as it was written here; else None."""
    if not isinstance(value, dict):
        return None
    deleted, pruned = value.get("records", []), value.get("files", {})
    has_shape = (
        value.get("format") == FORMAT
        and type(value.get("number")) is int
        and all(isinstance(value.get(name), str) for name in ("sha256", "previous", "record"))
        and isinstance(deleted, list)
        and all(type(number) is int for number in deleted)
        and isinstance(pruned, dict)
        and all(isinstance(sha256, str) for sha256 in pruned.values())
    )
    return value if has_shape else None


class HeldChain(ABC):
    """A chain that nobody else writes to meanwhile.

    Attributes:
        where: Its folder or its database.
    """

    where: str

    def add(self, kind: RecordKind, content: Record, text: Record | None = None) -> ChainEnd:
        """See ``AuditChain.append``."""
        before = self.newest()
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
        self.write(record)
        return ChainEnd(record["number"], record["sha256"])

    @abstractmethod
    def newest(self) -> ChainEnd:
        """See ``AuditChain.end``."""

    @abstractmethod
    def write(self, record: Record) -> None:
        """Adds a record behind the newest one, or leaves all as it is; see ``AuditChain.append``."""

    @property
    @abstractmethod
    def is_empty(self) -> bool:
        """Whether nothing was ever written."""

    @abstractmethod
    def records(self) -> Iterator[PlacedRecord]:
        """All records in order; what a killed process has written of a last one is none."""

    @abstractmethod
    def newest_records(self, size: int) -> list[PlacedRecord]:
        """The newest ones, about so many bytes of them, in order."""

    @abstractmethod
    def cut_off(self) -> list[tuple[str, bool]]:
        """Where a record was not written to its end, and whether the next one replaces it."""

    @abstractmethod
    def search(self, search: RecordSearch) -> list[Record]:
        """The newest records that match, the newest first."""

    @abstractmethod
    def older_than(self, day: str) -> list[OldPart]:
        """What can be removed of records from before a day (ISO); the newest record stays."""

    @abstractmethod
    def remove(self, parts: Sequence[OldPart]) -> None:
        """Removes parts that an anchor has been written for."""

    @abstractmethod
    def remove_texts(self, numbers: set[int]) -> None:
        """Removes the texts of these records; the records stay."""


class AuditChain(ABC):
    """A chain. Several processes and threads may append to it.

    Attributes:
        where: Its folder or its database, for messages and commands.
    """

    where: str

    @abstractmethod
    def locked(self) -> AbstractContextManager[HeldChain]:
        """Keeps all others from writing, until the block ends or the process does."""

    def end(self) -> ChainEnd:
        """The newest record.

        Raises:
            UserError: What is newest is no record, or the database cannot be read.
        """
        with self.locked() as held:
            return held.newest()

    def append(self, kind: RecordKind, content: Record, text: Record | None = None) -> ChainEnd:
        """Writes a record, which is kept for good when this returns.

        Args:
            kind: What it is about.
            content: What its hash covers.
            text: What persons wrote and read; it can be deleted later.

        Raises:
            OSError: It could not be written; the chain is as before.
            UserError: What is newest is no record, or the database cannot be written.
        """
        with self.locked() as held:
            return held.add(kind, content, text)
