"""The names of columns in users' files: one table, for ``validate`` and ``build``.

Known names are read in any case. What a name that is not in this table holds is not read, and is listed.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import yaml
from pydantic import Field, field_validator

from common.command import Config
from data_recipes.schema.example import Role

CONVERSATIONS = ("messages", "conversations", "conversation", "dialogue", "dialog")
QUESTION = ("instruction", "question", "prompt", "query", "content")
INPUT = "input"  # what the question is about, where a file has a separate column for it; else the question itself
ANSWER = ("output", "answer", "response", "completion", "target", "summary")
SYSTEM = ("system", "system_prompt")
HISTORY = ("history",)
SPLIT = "split"
SPLITS = {  # what the parts of a set are called, and the splits that they are
    "train": "train",
    "dev": "dev",
    "valid": "dev",
    "validation": "dev",
    "val": "dev",
    "test": "test",
}
SPEAKER = ("role", "from")  # of a turn
TEXT = ("content", "value")  # of a turn
AMBIGUOUS = ("content", "target", "summary")  # not a second question or answer where another column is one
ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
}
WANTED = f"messages, or one of {', '.join(QUESTION)} and one of {', '.join(ANSWER)}"

MEDIA = ("images", "image", "videos", "video", "audios", "audio")
REFUSED = {  # what changes the meaning of a row and no example can hold: the reason to count, and what to do
    **dict.fromkeys(("tools", "functions"), ("has_tools", "tools cannot be trained")),
    **dict.fromkeys(MEDIA, ("has_media", "only text can be trained")),
    **dict.fromkeys(
        ("chosen", "rejected", "response_chosen", "response_rejected"),
        ("preference_pair", "a better and a worse answer are read by data=feedback"),
    ),
    "reasoning_content": ("has_reasoning", "reasoning is not part of an answer"),
}
LABEL = "label"  # true or false in preference data (KTO); anything else is a column like others
REFUSED_IN_TURNS = {
    **dict.fromkeys(MEDIA, REFUSED["images"]),
    **dict.fromkeys(("tool_calls", "function_call"), ("has_tools", "tools cannot be trained")),
    "reasoning_content": REFUSED["reasoning_content"],
}
TOOL_ROLES = ("tool", "function", "function_call", "observation", "tool_call", "tool_response")
TRAINED = ("weight", "loss", "train")  # of an assistant's turn: whether it is to be learned


class Columns(Config):
    """Which column holds what, where the names are not the usual ones.

    Attributes:
        question: Columns that are joined by line breaks, empty ones skipped; null finds the question under its usual
            names, with ``input`` where there is one.
        answer: The answer; null finds it under its usual names.
        system: Instructions before the question; null finds them as ``system`` or ``system_prompt``.
        history: Turns before the question; null finds them as ``history``. Pairs ``[["question", "answer"], …]``, texts
            in turn, or messages, also as JSON in a text.
        kind: The question type of the report.
        group: What must not straddle a split, e.g. a patient's number.
        split: The split that the row belongs to; null finds it as ``split``, where that says train, dev or test.
        roles: Further names of roles, e.g. ``{患者: user, 医生: assistant}``, in quotes on a command line.
        ignore: Columns, or fields of turns, that are known and must not count, e.g. ``reasoning_content``: without it
            rows that have one are bad.
    """

    question: tuple[str, ...] | None = None
    answer: str | None = None
    system: str | None = None
    history: str | None = None
    kind: str | None = None
    group: str | None = None
    split: str | None = None
    roles: dict[str, Role] = Field({})
    ignore: tuple[str, ...] = ()

    @field_validator("roles", mode="before")
    @classmethod
    def _as_typed(cls, roles: object) -> object:
        """On a command line, whose grammar knows no Chinese keys, it is a text."""
        try:
            return yaml.safe_load(roles) if isinstance(roles, str) else roles
        except yaml.YAMLError:
            raise ValueError("expected e.g. {患者: user, 医生: assistant}") from None

    @property
    def named(self) -> list[str]:
        """The columns that must be there."""
        one_each = (self.answer, self.system, self.history, self.kind, self.group, self.split)
        return [*(self.question or ()), *filter(None, one_each)]


USUAL = Columns()


class QuestionAndAnswer(NamedTuple):
    """The columns of a file, or the fields of a row, that hold question and answer; empty where there is none."""

    question: str
    answer: str


def question_and_answer(names: Collection[str]) -> QuestionAndAnswer:
    """Finds the columns of question and answer; of several the first in the table counts."""
    return QuestionAndAnswer(first_of(QUESTION, names), first_of(ANSWER, names))


def first_of(aliases: Iterable[str], names: Collection[str]) -> str:
    """The name of a column that is one of the aliases, in any case; empty where there is none."""
    aliases = tuple(aliases)
    return next((alias for alias in aliases if alias in names), "") or first_known(aliases, by_known_name(names))


def by_known_name(names: Collection[str]) -> dict[str, str]:
    """The columns as they are spelled, by the name that the table has for them."""
    return {name.casefold(): name for name in reversed(list(names))}


def first_known(aliases: Iterable[str], spelled: Mapping[str, str]) -> str:
    """As ``first_of``, for columns by their known name."""
    return next((spelled[alias] for alias in aliases if alias in spelled), "")


def field_of_turn(aliases: Iterable[str], turn: Collection[str]) -> str:
    """The field of a turn that is one of the aliases; empty where there is none."""
    return next((alias for alias in aliases if alias in turn), "")
