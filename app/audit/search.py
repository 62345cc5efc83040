"""What records are searched for."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from domains.safety_rules import Level

MOST = 200

IDS = ("request_id", "feedback_id", "about")
"""What names a record: the answer, the feedback, and the answer that feedback is about."""


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
    key: str = Field("", max_length=128)
    level: Level | None = None
    kind: str = Field("", pattern="^(answer|feedback|deleted|pruned)?$")
    limit: int = Field(50, ge=1, le=MOST)

    def matches(self, record: Mapping[str, Any]) -> bool:
        """Whether it is one of those."""
        return (
            (not self.id or self.id in [record.get(name) for name in IDS])
            and (not self.key or record.get("key") == self.key)
            and (self.level is None or record.get("triage", {}).get("level") == self.level)
            and (not self.kind or record.get("record") == self.kind)
        )
