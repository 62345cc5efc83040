"""Records of answers, and what users write about them: one chain, to which nothing is written twice."""

import uuid
from pathlib import Path
from typing import Any

from loguru import logger

from app.access.caller import Caller
from app.audit.chain import Record
from app.audit.places import chain_at, errors_at
from app.audit.verification import breaks_at_the_end
from app.compliance.outbox import Outbox, Undelivered
from app.config import RecordsConfig
from app.database.place import Place
from app.pipeline.consultation import Consultation
from common.errors import UserError
from common.files import check_writable, make_directory

SECONDS_AT_THE_END = 10
"""How long a stopping service still writes."""

PAUSES = (1.0, 5.0, 30.0)
"""Seconds before a record is tried again; the last repeats: a full disk or a database that restarts loses nothing."""

MOST_BREAKS = 5
"""Places where the chain is broken that a start names."""

SAID = ("history", "question", "answer", "corrected")
"""Texts whose personal data is masked. What a user writes to the operator is not: it is to be read and answered."""


class AuditRecords:
    """What is kept of answers.

    Args:
        place: A folder, or a database.
        config: Whether it has what was asked and answered.

    Raises:
        UserError: Nothing can be written there, or what is there is no chain.
    """

    def __init__(self, place: Place, config: RecordsConfig) -> None:
        if isinstance(place, Path):
            make_directory(place)
            check_writable(place)
        self._chain, self._config = chain_at(place), config
        self._outbox: Outbox[tuple[Record, Record | None]] = Outbox(
            "records", self._deliver, PAUSES, lambda item: str(item[0]["request_id"]), gives_up=False
        )
        if config.with_text:
            _masked("您好")  # loads the lists of names, which takes seconds, before anybody asks
        with errors_at(place):
            self._log_end()
            self._log_breaks()

    def answered(self, consultation: Consultation, answer: str, served: Record, outcome: Record) -> None:
        """Records an answer; returns at once.

        Args:
            consultation: What was asked, a complaint with what was answered about it.
            answer: What was said; a part of it where the reader left or the model failed.
            served: Which model, prompt format and knowledge base answered, by name and hash.
            outcome: What the API reports about it, without texts.
        """
        who = {"request_id": consultation.request_id, "key": consultation.caller.name}
        text = {"history": consultation.asked_before, "question": consultation.question, "answer": answer}
        self._outbox.put(({**who, **served, **outcome}, text if self._config.with_text else None))

    def told(self, caller: Caller, feedback: Record, text: Record) -> str:
        """Keeps what a user writes about an answer, and gives its number; it is on disk when this returns.

        Args:
            caller: Who writes.
            feedback: What it is about.
            text: What he writes.

        Raises:
            OSError: It could not be written.
            UserError: The newest line of the records is no record.
        """
        number = uuid.uuid4().hex[:12]
        role = caller.key.role if caller.key else None
        self._chain.append(
            "feedback", {"feedback_id": number, "key": caller.name, "role": role, **feedback}, _without_names(text)
        )
        return number

    def close(self) -> None:
        """Writes what waits; see ``Outbox.close``."""
        self._outbox.close(SECONDS_AT_THE_END)
        try:
            self._log_end()
        except (OSError, UserError) as error:
            logger.error("records: {}", error)

    def _deliver(self, item: tuple[Record, Record | None]) -> None:
        record, text = item
        try:
            self._chain.append("answer", record, text and _without_names(text))
        except OSError as error:
            raise Undelivered(f"{self._chain.where}: {error.strerror}") from None
        except UserError as error:
            raise Undelivered(str(error)) from None

    def _log_breaks(self) -> None:
        """Says where the newest records were changed. Answers are recorded all the same: none may go unrecorded."""
        with self._chain.locked() as held:
            breaks = breaks_at_the_end(held)
        for one in breaks[:MOST_BREAKS]:
            logger.error("记录链已断裂 THE CHAIN OF RECORDS IS BROKEN: {}", one)
        if breaks:
            logger.error("see all of it: python -m app.audit verify {}; keep it as it is", self._chain.where)

    def _log_end(self) -> None:
        """The log, kept elsewhere, is where a chain that was rewritten as a whole shows."""
        end = self._chain.end()
        logger.info("records: {} in {}, the newest is {}", end.number, self._chain.where, end.sha256)


def _without_names(text: Record) -> Record:
    """The same texts, those that patients and models have said with personal data masked."""
    return {name: _masked(value) if name in SAID else value for name, value in text.items()}


def _masked(said: Any) -> Any:
    """A text, or what is said in turns, in the same form."""
    from app.audit.masking import masked_texts  # loads all steps of recipes; most services keep no texts

    match said:
        case {"content": content, **turn}:
            return {**turn, "content": _masked(content)}
        case list():
            return [_masked(one) for one in said]
        case _:
            return masked_texts([said])[0]
