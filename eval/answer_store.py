"""The answers that systems have given, kept as they come: an evaluation that was killed resumes from them.

A system under one decoding has a directory in the cache, named by everything that its answers follow from; every
process that asked it has a file there: what it was, then a line per answer. An item is known by the hash of its
conversation, so corrected judges, facts and kinds are scored with the answers that are there.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from loguru import logger
from pydantic import BaseModel, ConfigDict, ValidationError

from common.errors import UserError
from common.files import disk_errors, make_directory, sync
from common.hashing import sha256_value
from data_recipes.schema.example import Example
from eval.answers import ModelAnswer, Session


class Stored(BaseModel):
    """An answer, and the process that it was given to."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    answer: ModelAnswer
    session: Session


def key_of(example: Example) -> str:
    """What an answer is known by: the conversation with its reference, which is scored."""
    return sha256_value([message.model_dump() for message in example.messages])


class AnswerStore:
    """The answers of one system under one decoding.

    Args:
        directory: Its directory in the cache.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self) -> dict[str, Stored]:
        """Every answer by the key of its item; of several the latest."""
        found = [_read(file) for file in self._directory.glob("*.jsonl")]
        in_order = sorted((one for one in found if one), key=lambda one: one[0].began)
        return {
            key: Stored(answer=answer, session=session)
            for session, answers in in_order
            for key, answer in answers.items()
        }

    def begin(self, session: Session) -> "AnswerFile":
        """A new file for a process."""
        file = AnswerFile(self._directory / f"{uuid4().hex}.jsonl")
        file.begin(session)
        return file


class AnswerFile:
    """What one process has been answered so far.

    Where the cache is read-only or full, that is said once, and nothing is kept: the evaluation itself needs no cache.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._is_kept = path, True

    def begin(self, session: Session) -> None:
        """Writes what the process is."""
        with self._or_not_kept():
            make_directory(self._path.parent)
            self._append([session.model_dump_json()])
            sync(self._path.parent)

    def add(self, answers: Mapping[str, ModelAnswer]) -> None:
        """Writes answers by the keys of their items; once this returns, they outlive the process."""
        if not self._is_kept:
            return
        with self._or_not_kept():
            self._append(
                [f'{{"item": "{key}", "answer": {answer.model_dump_json()}}}' for key, answer in answers.items()]
            )

    @contextmanager
    def _or_not_kept(self) -> Iterator[None]:
        try:
            yield
        except UserError as error:
            self._is_kept = False
            logger.warning("answers are not kept, and asked again by an evaluation that resumes this one: {}", error)

    def _append(self, lines: list[str]) -> None:
        with disk_errors(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())


def _read(path: Path) -> tuple[Session, dict[str, ModelAnswer]] | None:
    """A file of answers; a last line that a killed process left half-written is no answer."""
    content = path.read_bytes()
    head, *lines = content[: content.rfind(b"\n") + 1].splitlines() or [b""]
    try:
        session = Session.model_validate_json(head)
        entries = [json.loads(line) for line in lines]
        return session, {entry["item"]: ModelAnswer.model_validate(entry["answer"]) for entry in entries}
    except (ValidationError, ValueError, KeyError, TypeError):
        if content:
            logger.warning("{}: damaged, or of another version; its items are asked again", path)
        return None
