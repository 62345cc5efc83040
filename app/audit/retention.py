"""Deletion: old records leave in whole days, a person's texts by the id of an answer; the chain still verifies."""

from datetime import datetime, timedelta

from app.audit.chain import AuditChain, HeldChain
from app.audit.search import IDS
from app.audit.verification import VerifiedChain, verified
from common.errors import Refused, UserError


def prune(chain: AuditChain, days: int) -> list[str]:
    """Removes the records of days that are longer ago; the newest file, or record, stays.

    An anchor, the last hash of each part, is written first: a process that is killed leaves a chain that verifies.

    Args:
        chain: The chain.
        days: How many days records are kept.

    Returns:
        What was removed: names of files, or the last day that left a database.

    Raises:
        Refused: The chain is broken: what would be removed may be needed to find out why.
        UserError: There are no records, or they cannot be written.
    """
    oldest = (datetime.now().astimezone() - timedelta(days=days)).date().isoformat()
    with chain.locked() as held:
        check(held)
        old = held.older_than(oldest)
        if not old:
            return []
        held.add("pruned", {"files": {part.name: part.end.sha256 for part in old}, "kept_days": days})
        held.remove(old)
    return [part.name for part in old]


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
    with chain.locked() as held:
        check(held)
        records = (one.record for one in held.records() if one.record)
        about = [record for record in records if id in [record.get(name) for name in IDS]]
        if not about:
            raise UserError(f"no record has the id {id}", where=chain.where, fix="give a request_id or feedback_id")
        numbers = [record["number"] for record in about if "text" in record]
        if numbers:
            held.add("deleted", {"id": id, "records": numbers})
            held.remove_texts(set(numbers))
    return len(numbers)


def check(chain: HeldChain) -> VerifiedChain:
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
