"""Records of answers, and what users write about them: one file of JSON lines per day, which nothing here deletes."""

import json
import os
import threading
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

from app.compliance.outbox import Outbox, Undelivered
from app.config import RecordsConfig
from app.pipeline.consultation import Consultation
from common.files import check_writable, make_directory

SECONDS_AT_THE_END = 10
"""How long a stopping service still writes."""

Record = dict[str, Any]


class Records:
    """A folder of records.

    Args:
        folder: Where they are kept.
        config: Whether they have what was asked and answered.
        model_version: Named in each.

    Raises:
        UserError: Nothing can be written there.
    """

    def __init__(self, folder: Path, config: RecordsConfig, model_version: str) -> None:
        make_directory(folder)
        check_writable(folder)
        self._folder, self._config, self._model_version = folder, config, model_version
        self._lock = threading.Lock()
        self._outbox: Outbox[Record] = Outbox("records", self._deliver, [1.0, 5.0], lambda record: record["request_id"])

    def answered(self, consultation: Consultation, answer: str, outcome: Record) -> None:
        """Records an answer; returns at once.

        Args:
            consultation: What was asked, a complaint with what was answered about it.
            answer: What was said; a part of it where the reader left or the model failed.
            outcome: What the API reports about it, without texts.
        """
        record = {"request_id": consultation.request_id, "model_version": self._model_version, **outcome}
        if self._config.with_text:
            record |= {"history": consultation.asked_before, "question": consultation.question, "answer": answer}
        self._outbox.put(_dated(record))

    def told(self, feedback: Record) -> str:
        """Keeps what a user writes about an answer, and gives its number; it is on disk when this returns.

        Raises:
            OSError: It could not be written.
        """
        number = uuid.uuid4().hex[:12]
        self._append("feedback", _dated({"feedback_id": number, **feedback}))
        return number

    def close(self) -> None:
        """Writes what waits; see ``Outbox.close``."""
        self._outbox.close(SECONDS_AT_THE_END)

    def _deliver(self, record: Record) -> None:
        try:
            self._append("answers", record)
        except OSError as error:
            raise Undelivered(f"{self._folder}: {error.strerror}") from None

    def _append(self, kind: str, record: Record) -> None:
        file = self._folder / f"{kind}-{record['time'][:10]}.jsonl"
        line = (json.dumps(record, ensure_ascii=False) + "\n").encode()
        with self._lock:
            descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)  # what patients wrote is for few
            try:
                os.write(descriptor, line)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _dated(record: Record) -> Record:
    return {"time": datetime.now().astimezone().isoformat(timespec="seconds"), **record}
