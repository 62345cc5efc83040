"""How good triage is: the shares of labelled messages that raise an alarm."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from common.command import Config
from data_recipes.formats.jsonl import typed_lines
from domains.retrieval.labelled import DIGITS, Share
from domains.safety_rules import Triager


class TriageConfig(Config):
    """Which messages to judge triage on.

    Attributes:
        messages: JSON lines with `text` and `emergency`.
    """

    positional = ("messages",)

    messages: Path


class LabelledText(BaseModel):
    """A message, and whether it must raise an alarm."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    text: str = Field(min_length=1)
    emergency: bool


def labelled_texts(file: Path) -> list[LabelledText]:
    """The messages of a file.

    Raises:
        UserError: A line is damaged; the message names file and line.
    """
    return [text for _, text in typed_lines(file, LabelledText)]


def report(texts: Sequence[LabelledText], triager: Triager) -> dict[str, Any]:
    """Recall and false alarms as JSON can say them, and the messages that are judged wrong."""
    alarms = [triager.triage(one.text).level == "emergency" for one in texts]
    judged = list(zip(texts, alarms, strict=True))
    return {
        "recall": _plain(Share.of([alarm for one, alarm in judged if one.emergency])),
        "false_alarms": _plain(Share.of([alarm for one, alarm in judged if not one.emergency])),
        "misses": [one.text for one, alarm in judged if one.emergency and not alarm],
        "alarms": [one.text for one, alarm in judged if alarm and not one.emergency],
    }


def _plain(share: Share) -> dict[str, float]:
    return {key: round(value, DIGITS) for key, value in asdict(share).items()}
