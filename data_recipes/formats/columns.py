"""The names of columns in users' files: one table, for ``validate`` and ``build``.

Known names are read in any case. What a name that is not in this table holds is not read, and is listed.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from pydantic import Field, field_validator

from common.command import Config
from common.errors import UserError
from data_recipes.schema.example import Role

CONVERSATIONS = ("messages", "conversations", "conversation", "dialogue", "dialog", "对话")
QUESTION = (
    *("instruction", "question", "prompt", "query", "content"),
    *("问题", "提问", "咨询", "患者提问", "患者问题", "用户提问", "咨询问题", "咨询内容", "指令"),
)
INPUT = "input"  # what the question is about, where a file has a separate column for it; else the question itself
INPUTS = (INPUT, "输入")
ANSWER = (
    *("output", "answer", "response", "completion", "target", "summary"),
    *("回答", "答案", "答复", "回复", "医生回答", "医生回复", "医生答复", "回答内容", "回复内容", "输出"),
)
SYSTEM = ("system", "system_prompt", "系统", "系统提示", "系统提示词")
HISTORY = ("history", "历史", "历史对话", "对话历史")
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
A_QUESTION, AN_ANSWER = "question (instruction, question, 问题 …)", "answer (output, answer, 回答 …)"
WANTED = f"messages, or {A_QUESTION} and {AN_ANSWER}"

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
LABEL_NAMES = ("label", "kto_tag")  # true or false in preference data (KTO); anything else is a column like others
LABELS = {"true": True, "false": False, "1": True, "0": False}
REFUSED_IN_TURNS = {
    **dict.fromkeys(MEDIA, REFUSED["images"]),
    **dict.fromkeys(("tool_calls", "function_call"), ("has_tools", "tools cannot be trained")),
    "reasoning_content": REFUSED["reasoning_content"],
}
TOOL_ROLES = ("tool", "function", "function_call", "observation", "tool_call", "tool_response")
TRAINED = ("weight", "loss", "train")  # of an assistant's turn: whether it is to be learned
_LIST, _ROLES = re.compile(r"\s*\[(.*)\]\s*", re.S), re.compile(r"\s*\{.*\}\s*", re.S)
_COMMA, _COLON = re.compile("[,，]"), re.compile("[:：]")


class Columns(Config):
    """Which column holds what, where the names are not the usual ones.

    Attributes:
        question: A column, or several that are joined by line breaks, empty ones skipped; null finds the question under
            its usual names, with ``input`` where there is one.
        answer: The answer; null finds it under its usual names.
        system: Instructions before the question; null finds them under their usual names.
        history: Turns before the question; null finds them under their usual names. Pairs ``[["question", "answer"],
            …]``, texts in turn, or messages, also as JSON in a text.
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

    @field_validator("question", "ignore", mode="before")
    @classmethod
    def _names_as_typed(cls, names: object) -> object:
        """One name, or a list; on a command line, whose grammar knows no Chinese without quotes, that is a text."""
        if isinstance(names, str):
            listed = _LIST.fullmatch(names)
            return tuple(map(_unquoted, _COMMA.split(listed[1]))) if listed else (names,)
        if names is not None and not (isinstance(names, list | tuple) and all(isinstance(n, str) for n in names)):
            raise ValueError("expected the name of a column, e.g. 问题, or several, e.g. [标题, 问题]")
        return names

    @field_validator("roles", mode="before")
    @classmethod
    def _roles_as_typed(cls, roles: object) -> object:
        """As ``_names_as_typed``."""
        if not isinstance(roles, str):
            return roles
        pairs = [_COLON.split(pair) for pair in _COMMA.split(roles.strip().removeprefix("{").removesuffix("}"))]
        if not _ROLES.fullmatch(roles) or any(len(pair) != 2 for pair in pairs):
            raise ValueError(
                "expected all roles in one word, in quotes for the shell: 'columns.roles={患者: user, 医生: assistant}'"
            )
        return {_unquoted(name): _unquoted(role) for name, role in pairs}

    @property
    def named(self) -> list[str]:
        """The columns that must be there."""
        one_each = (self.answer, self.system, self.history, self.kind, self.group, self.split)
        return [*(self.question or ()), *filter(None, one_each)]

    def words(self, section: str) -> list[str]:
        """What was given, as it is typed.

        Args:
            section: The section of the command: ``columns``, of a build ``source.columns``.
        """
        return [f"{section}.{name}={_typed(value)}" for name, value in self if value]


def _unquoted(name: str) -> str:
    return name.strip().strip("'\"").strip()


def _typed(value: str | tuple[str, ...] | Mapping[str, str]) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {role}" for name, role in value.items()) + "}"
    names = (value,) if isinstance(value, str) else value
    if len(names) == 1 and re.fullmatch(r"[^\W\d]\w*", names[0]):
        return names[0]
    return json.dumps(value, ensure_ascii=False)


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


def lacking(header: Collection[str], columns: Columns) -> list[str]:
    """The columns that a table must have and has not."""
    needed = list(columns.named)
    if columns.question or not first_of(CONVERSATIONS, header):
        needed += [] if columns.question or first_of([*QUESTION, *INPUTS], header) else [A_QUESTION]
        needed += [] if columns.answer or first_of(ANSWER, header) else [AN_ANSWER]
    return [name for name in needed if name not in header]


def check_header(header: Collection[str], columns: Columns, where: str) -> None:
    """Checks that a table has a question and an answer, or a conversation, and all columns that were named.

    Raises:
        UserError: One is missing.
    """
    if missing := lacking(header, columns):
        keys = "source.columns.question=NAME source.columns.answer=NAME (of validate.py without source.)"
        raise UserError(
            f"the columns are {', '.join(header)}; missing: {', '.join(missing)}",
            where=where,
            fix=f"name columns of this file: {keys}; a title above the header is then skipped",
        )


def by_known_name(names: Collection[str]) -> dict[str, str]:
    """The columns as they are spelled, by the name that the table has for them."""
    return {name.casefold(): name for name in reversed(list(names))}


def first_known(aliases: Iterable[str], spelled: Mapping[str, str]) -> str:
    """As ``first_of``, for columns by their known name."""
    return next((spelled[alias] for alias in aliases if alias in spelled), "")


def judgement_of(label: object) -> bool | None:
    """Whether a label says that an answer is good; None where it says something else."""
    return LABELS.get(f"{label}".strip().casefold())


def field_of_turn(aliases: Iterable[str], turn: Collection[str]) -> str:
    """The field of a turn that is one of the aliases; empty where there is none."""
    return next((alias for alias in aliases if alias in turn), "")
