"""The labelled messages of ``triage_cases/``: what is in a line, and which file a line belongs to.

    python -m domains.medical.divide_messages AUTHOR FILE.jsonl      files one author's messages

``train.jsonl`` and ``dev.jsonl`` are learned from and may be read when a rule is made; ``dev`` is for judging a change
before. ``rules.jsonl`` is what the rules' authors wrote, and only learned from. ``questions.jsonl`` has those of
``questions/dev.jsonl``, as ordinary patients ask them, labelled for triage too. Nobody reads ``test/``, it is only
scored: ``unseen_scenarios`` has the scenarios that no other file of these authors has, ``seen_scenarios`` further
messages of the others, ``first_author`` the test half of the author of the first 400 messages, whose other half is in
``dev``; ``calls`` that of an author who wrote short messages as a stranger types them, parents' calls for help and
figures above all, whose other half is in ``dev``, too.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from common.files import write_text
from data_recipes.formats.jsonl import typed_lines
from domains.safety_rules import Disposition

CASES = Path(__file__).parent / "triage_cases"
TRAIN, DEV = CASES / "train.jsonl", CASES / "dev.jsonl"
UNSEEN, SEEN = CASES / "test/unseen_scenarios.jsonl", CASES / "test/seen_scenarios.jsonl"
DIVIDED = (TRAIN, DEV, UNSEEN, SEEN)
RULES, QUESTIONS = CASES / "rules.jsonl", CASES / "questions.jsonl"
FIRST_AUTHOR, CALLS = CASES / "test/first_author.jsonl", CASES / "test/calls.jsonl"
DIVIDED_BEFORE = ("a", "u")
"""Their authors, whose halves, each with scenarios of its own, came as they are."""


class LabelledMessage(BaseModel):
    """A message as people type it, labelled by somebody who had not seen the rules.

    What nobody labelled is None.

    Attributes:
        text: The message.
        emergency: Whether somebody must call 120 or go to an emergency department now.
        scenario: What it is about.
        kind: How it says it, or why it only sounds like an emergency.
        disposition: Where the patient belongs: 120, a doctor today, a clinic within days, home; none where there is no
            patient.
        self_harm: Whether somebody is in danger of harming himself on purpose.
        prescription: Whether the service is asked to prescribe.
        author: Who wrote and labelled it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    text: str = Field(min_length=1)
    emergency: bool
    scenario: str = Field(min_length=1)
    kind: str = Field(min_length=1)
    disposition: Disposition | None = None
    self_harm: bool | None = None
    prescription: bool | None = None
    author: str = ""


def messages_in(*files: Path) -> list[LabelledMessage]:
    """The messages of these files, in order.

    Raises:
        UserError: A line is damaged; the message names file and line.
    """
    return [message for file in files for _, message in typed_lines(file, LabelledMessage)]


def file_of(message: LabelledMessage) -> Path:
    """Which file a message belongs to: three scenarios of ten, then a fifth of the other messages, are for the test."""
    if _drawn(f"triage/{message.author}/{message.scenario}") < 3:
        return UNSEEN
    drawn = _drawn(message.text)
    return SEEN if drawn < 2 else DEV if drawn < 3 else TRAIN


def divide(author: str, messages: Iterable[LabelledMessage]) -> None:
    """Files an author's messages in the place of those that he has; what another wrote word for word is dropped."""
    written = {one.text for one in messages_in(*DIVIDED, RULES, QUESTIONS, FIRST_AUTHOR, CALLS) if one.author != author}
    new = [message.model_copy(update={"author": author}) for message in messages if message.text not in written]
    for file in DIVIDED:
        others = [message for message in messages_in(file) if message.author != author] if file.exists() else []
        kept = sorted(others + [message for message in new if file_of(message) == file], key=lambda one: one.author)
        write_text(file, "".join(f"{_line(message)}\n" for message in kept))


def _line(message: LabelledMessage) -> str:
    return json.dumps(message.model_dump(exclude_none=True), ensure_ascii=False)


def _drawn(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % 10
