"""A chain in a table of PostgreSQL, for several replicas; an advisory lock puts their records in one order."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Text,
    cast,
    delete,
    desc,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from app.audit.chain import NO_RECORDS, AuditChain, ChainEnd, HeldChain, OldPart, PlacedRecord, Record, record_of
from app.audit.search import IDS, RecordSearch
from app.database.database import RECORDING, Database
from app.database.tables import RECORDS
from common.errors import UserError

READ_AT_ONCE = 1000
"""Records that are in memory while the chain is read."""


class DatabaseChain(AuditChain):
    """The chain in a database.

    Args:
        database: Where.
    """

    def __init__(self, database: Database) -> None:
        self.database, self.where = database, str(database.url)

    @contextmanager
    def locked(self) -> Iterator["HeldRows"]:
        """See ``AuditChain.locked``; what the block does is written at its end, or none of it."""
        with self.database.transaction() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": RECORDING})
            yield HeldRows(connection, self.where)


class HeldRows(HeldChain):
    """The rows of the chain, in one transaction.

    Args:
        connection: That of the transaction.
        where: The database.
    """

    def __init__(self, connection: Connection, where: str) -> None:
        self.connection, self.where = connection, where

    def newest(self) -> ChainEnd:
        """See ``HeldChain.newest``."""
        row = self.connection.execute(select(RECORDS).order_by(desc(RECORDS.c.number)).limit(1)).first()
        if row is None:
            return NO_RECORDS
        record = self._placed(row).record
        if record is None or record["number"] != row.number:
            fix = f"see all of it: python -m app.audit verify {self.where}"
            raise UserError("the newest row is no record", where=self._place(row), fix=fix)
        return ChainEnd(record["number"], record["sha256"])

    def write(self, record: Record) -> None:
        """See ``HeldChain.write``."""
        sealed = {name: value for name, value in record.items() if name != "text"}
        row = {"number": record["number"], "record": sealed, "said": record.get("text")}
        self.connection.execute(insert(RECORDS), row)

    @property
    def is_empty(self) -> bool:
        """See ``HeldChain.is_empty``."""
        return self.connection.execute(select(RECORDS.c.number).limit(1)).first() is None

    def records(self) -> Iterator[PlacedRecord]:
        """See ``HeldChain.records``."""
        in_order = select(RECORDS).order_by(RECORDS.c.number).execution_options(yield_per=READ_AT_ONCE)
        return map(self._placed, self.connection.execute(in_order))

    def newest_records(self, size: int) -> list[PlacedRecord]:
        """See ``HeldChain.newest_records``."""
        length = func.octet_length(cast(RECORDS.c.record, Text)).label("bytes")
        newest = select(RECORDS, length).order_by(desc(RECORDS.c.number))
        rows = self.connection.execute(newest.execution_options(yield_per=READ_AT_ONCE))
        records: list[PlacedRecord] = []
        for row in rows:
            records.append(self._placed(row))
            size -= row.bytes
            if size <= 0:
                break
        rows.close()
        return records[::-1]

    def cut_off(self) -> list[tuple[str, bool]]:
        """See ``HeldChain.cut_off``; a row is written whole or not at all."""
        return []

    def search(self, search: RecordSearch) -> list[Record]:
        """See ``HeldChain.search``."""
        wanted = {"key": search.key, "record": search.kind}
        conditions = [_field(name) == value for name, value in wanted.items() if value]
        if search.id:
            conditions.append(or_(*(_field(name) == search.id for name in IDS)))
        if search.level:
            conditions.append(RECORDS.c.record[("triage", "level")].as_string() == search.level)
        found = select(RECORDS).where(*conditions).order_by(desc(RECORDS.c.number)).limit(search.limit)
        placed = map(self._placed, self.connection.execute(found))
        return [one.record for one in placed if one.record]

    def older_than(self, day: str) -> list[OldPart]:
        """See ``HeldChain.older_than``: all records before the first one of that day or later, as one part."""
        numbers = select(RECORDS.c.number)
        kept = self.connection.scalar(
            numbers.where(func.left(_field("time"), len(day)) >= day).order_by(RECORDS.c.number).limit(1)
        )
        last = select(RECORDS).where(RECORDS.c.number < (kept or self.newest().number))
        row = self.connection.execute(last.order_by(desc(RECORDS.c.number)).limit(1)).first()
        record = row and self._placed(row).record
        if not record:
            return []
        return [OldPart(record["time"][: len(day)], ChainEnd(record["number"], record["sha256"]))]

    def remove(self, parts: Sequence[OldPart]) -> None:
        """See ``HeldChain.remove``."""
        for part in parts:
            self.connection.execute(delete(RECORDS).where(RECORDS.c.number <= part.end.number))

    def remove_texts(self, numbers: set[int]) -> None:
        """See ``HeldChain.remove_texts``."""
        self.connection.execute(update(RECORDS).where(RECORDS.c.number.in_(numbers)).values(said=None))

    def _placed(self, row: Row) -> PlacedRecord:
        value = row.record
        if isinstance(value, dict) and row.said is not None:
            value = {**value, "text": row.said}
        return PlacedRecord(self._place(row), record_of(value))

    def _place(self, row: Row) -> str:
        return f"{self.where}: row {row.number} of {RECORDS.name}"


def _field(name: str) -> ColumnElement[str]:
    """A field of a record as text; the tables have indexes of some."""
    return RECORDS.c.record.op("->>", return_type=Text())(text(f"'{name}'"))
