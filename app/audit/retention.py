"""Deletion: old files leave as a whole, a person's texts by the id of an answer; the chain still verifies."""

import json
from datetime import datetime, timedelta
from pathlib import Path

from app.audit.chain import NAME, AuditChain, Record
from app.audit.verification import VerifiedChain, records_of, verified
from common.errors import Refused, UserError
from common.files import replacing_file

IDS = ("request_id", "feedback_id", "about")
"""What names a record: the answer, the feedback, and the answer that feedback is about."""


def prune(chain: AuditChain, days: int) -> list[str]:
    """Removes the files of days that are longer ago; the newest file stays.

    An anchor, the last hash of each, is written first: a process that is killed leaves a chain that verifies.

    Args:
        chain: The chain.
        days: How many days records are kept.

    Returns:
        The names of the files that were removed.

    Raises:
        Refused: The chain is broken: what would be removed may be needed to find out why.
        UserError: There are no records, or they cannot be written.
    """
    oldest = (datetime.now().astimezone() - timedelta(days=days)).date().isoformat()
    with chain.locked():
        check(chain)
        old = [path for path in chain.files()[:-1] if _day(path) < oldest]
        if not old:
            return []
        ends = {one.file.name: one.record["sha256"] for one in records_of(chain) if one.file in old and one.record}
        chain.append_locked("pruned", {"files": ends, "kept_days": days})
        for path in old:
            path.unlink()
    return [path.name for path in old]


def delete_texts(chain: AuditChain, id: str) -> int:
    """Deletes the texts of an answer and of feedback about it, or of feedback; what is left says that they are deleted.

    Args:
        chain: The chain.
        id: The ``request_id`` of an answer, or the ``feedback_id`` of what a user wrote.

    Returns:
        How many records had texts.

    Raises:
        Refused: The chain is broken.
        UserError: No record has that id, or they cannot be written.
    """
    with chain.locked():
        check(chain)
        about = [one for one in records_of(chain) if one.record and id in [one.record.get(name) for name in IDS]]
        if not about:
            raise UserError(
                f"no record has the id {id}", where=str(chain.folder), fix="give a request_id or feedback_id"
            )
        with_text = [one for one in about if one.record and "text" in one.record]
        if with_text:
            numbers = [one.record["number"] for one in with_text if one.record]
            chain.append_locked("deleted", {"id": id, "records": numbers})
            for path in sorted({one.file for one in with_text}):
                _without_texts(path, set(numbers))
    return len(with_text)


def check(chain: AuditChain) -> VerifiedChain:
    """Reads the whole chain.

    Raises:
        Refused: It is broken; every place is named.
        UserError: There is none.
    """
    found = verified(chain)
    if found.breaks:
        listed = "\n".join(f"  {one}" for one in found.breaks)
        raise Refused(f"the chain of records is broken at {len(found.breaks)} place(s):\n{listed}")
    return found


def _without_texts(path: Path, numbers: set[int]) -> None:
    with replacing_file(path) as partial:
        partial.touch(mode=0o600)
        with path.open("rb") as lines, partial.open("wb") as out:
            for line in lines:
                record: Record = json.loads(line)
                if record["number"] in numbers:
                    del record["text"]
                    line = (json.dumps(record, ensure_ascii=False) + "\n").encode()
                out.write(line)


def _day(path: Path) -> str:
    found = NAME.fullmatch(path.name)
    assert found is not None
    return found[1]
