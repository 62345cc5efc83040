"""Finds records, the newest first."""

from collections import deque
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from app.audit.chain import AuditChain, Record
from app.audit.retention import IDS
from app.audit.verification import records_in
from domains.safety_rules import Level

MOST = 200


class RecordSearch(BaseModel):
    """What is searched for; all that is given must hold.

    Attributes:
        id: A ``request_id``, or the ``feedback_id`` of what a user wrote.
        key: Name of the key that asked.
        level: What triage said.
        kind: Answers, feedback, or what was done to the records.
        limit: Most records.
    """

    model_config = ConfigDict(extra="forbid")
    id: str = Field("", max_length=128)
    key: str = Field("", max_length=64)
    level: Level | None = None
    kind: str = Field("", pattern="^(answer|feedback|deleted|pruned)?$")
    limit: int = Field(50, ge=1, le=MOST)

    def matches(self, record: Record) -> bool:
        """Whether it is one of those."""
        return (
            (not self.id or self.id in [record.get(name) for name in IDS])
            and (not self.key or record.get("key") == self.key)
            and (self.level is None or record.get("triage", {}).get("level") == self.level)
            and (not self.kind or record.get("record") == self.kind)
        )


def found(chain: AuditChain, search: RecordSearch) -> list[Record]:
    """The newest records that match; one file is read after another, from the newest, until there are enough."""
    records: list[Record] = []
    with chain.locked():  # nothing is pruned or deleted meanwhile
        for path in reversed(chain.files()):
            records += _newest(path, search, search.limit - len(records))
            if len(records) == search.limit:
                break
    return records


def _newest(path: Path, search: RecordSearch, most: int) -> list[Record]:
    matching = (one.record for one in records_in(path) if one.record and search.matches(one.record))
    return list(reversed(deque(matching, maxlen=most)))
