"""A value of a file as text: numbers as people write them, lists of one text unwrapped, and nothing made up.

JSON, Parquet and XLSX hold values that are not texts. Each has one text here or none, whatever the format.
"""

import math
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

PARTS = ("text", "input_text", "output_text")  # types of OpenAI's content parts that are text
READABLE = (1e-6, 1e16)  # numbers between these are written without an exponent


class NotText(Exception):
    """A value that has no text of its own.

    Args:
        reason: The reason to count.
        kind: What it is instead, for the user.
    """

    def __init__(self, reason: str, kind: str) -> None:
        self.reason, self.kind = reason, kind
        super().__init__(kind)


@dataclass(frozen=True)
class NoValue:
    """A cell of a sheet that shows no value.

    Attributes:
        reason: The reason to count: ``cell_error`` or ``formula_without_value``.
        kind: What it is instead, for the user.
    """

    reason: str
    kind: str


def text_of(value: Any) -> str:
    """The one text of a value; nothing for an empty one.

    Raises:
        NotText: It has none: ``several_texts``, ``not_a_number``, ``has_media``, ``not_text``, or a ``NoValue``'s.
    """
    match value:
        case str():
            return value
        case None:
            return ""
        case bool() | bytes() | dict():
            raise NotText("not_text", kind_of(value))
        case NoValue():
            raise NotText(value.reason, value.kind)
        case int() | float() | Decimal():
            return _number(value)
        case datetime() | date() | time():
            return _moment(value)
        case list():
            return _unwrapped(value)
    raise NotText("not_text", kind_of(value))


def is_empty(value: Any) -> bool:
    """Whether nothing is said: no value, an empty text, list or object."""
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or (isinstance(value, list | dict) and not value)


def kind_of(value: Any) -> str:
    """What a value is, for a message."""
    match value:
        case None:
            return "nothing"
        case str():
            return "a text"
        case bool():
            return "true or false"
        case float() if not math.isfinite(value):
            return "NaN or infinite"
        case int() | float() | Decimal():
            return "a number"
        case datetime() | date() | time():
            return "a date or time"
        case list() if _is_parts(value):
            return "a list of parts"
        case list():
            return f"a list of {len(value)}"
        case dict():
            return "an object"
    return type(value).__name__


def _number(value: int | float | Decimal) -> str:
    if not math.isfinite(value):
        raise NotText("not_a_number", kind_of(value))
    if isinstance(value, float):
        if value and not READABLE[0] <= abs(value) < READABLE[1]:
            return f"{value!r}"
        value = int(value) if value.is_integer() else Decimal(f"{value!r}")
    return f"{value:f}" if isinstance(value, Decimal) else f"{value:d}"


def _moment(value: datetime | date | time) -> str:
    """``2024-01-05``, ``08:30`` or both, without what is zero."""
    if isinstance(value, datetime):
        day = value.date().isoformat()
        return day if value.time() == time() and value.tzinfo is None else f"{day} {_moment(value.timetz())}"
    if isinstance(value, time):
        return value.isoformat("auto" if value.second or value.microsecond else "minutes")
    return value.isoformat()


def _is_parts(value: list[Any]) -> bool:
    return bool(value) and all(isinstance(part, dict) and isinstance(part.get("type"), str) for part in value)


def _unwrapped(value: list[Any]) -> str:
    if _is_parts(value):
        return "\n".join(map(_part, value))
    if len(value) > 1:
        raise NotText("several_texts", kind_of(value))
    return text_of(value[0]) if value else ""


def _part(part: dict[str, Any]) -> str:
    if part["type"] not in PARTS:
        raise NotText("has_media", f"a part of type {part['type']!r}")
    return text_of(part.get("text"))
