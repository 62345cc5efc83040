"""What a kind of personal data is, and how its values are found and masked."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from data_recipes.steps.personal_text import PlainReading

Span = tuple[int, int]
"""Where something begins and ends in a text."""


@dataclass(frozen=True)
class Kind:
    """One kind of personal data.

    Attributes:
        name: How it is counted.
        placeholder: What replaces it.
        pattern: Where it may be; the group ``value`` is the personal part.
        hint: Matches wherever ``pattern`` does, and is quick to search for in a whole column.
        certain: Whether a match really is one.
        opening: What a match may begin with that is no part of the value.
    """

    name: str
    placeholder: str
    pattern: str
    hint: str
    certain: Callable[[re.Match[str]], bool] = lambda match: True
    opening: str = ""


class PersonalValue(NamedTuple):
    """A personal value in a text."""

    start: int
    end: int
    kind: Kind


def find(reading: PlainReading, kinds: Sequence[Kind]) -> list[PersonalValue]:
    """The personal values of a text, in their order; of overlapping ones that of the first kind."""
    found: list[PersonalValue] = []
    for kind in kinds:
        for match in _compiled(kind.pattern).finditer(reading.text):
            span = reading.place(*_value(match, kind))
            if span and kind.certain(match) and not any(span[0] < end and start < span[1] for start, end, _ in found):
                found.append(PersonalValue(*span, kind))
    return sorted([*found, *_alike(reading.original, found)])


def _value(match: re.Match[str], kind: Kind) -> Span:
    """Where the value of a match is."""
    begin, end = match.span("value")
    opening = _compiled(kind.opening).match(match.string, begin, end)
    return (opening.end() if opening and opening.end() < end else begin), end


def _alike(text: str, found: Sequence[PersonalValue]) -> list[PersonalValue]:
    """Numbers of the form of one that was found in the same text: 工号HL-0526和HL-0731."""
    alike: list[PersonalValue] = []
    for start, end, kind in found:
        if kind.name not in _NUMBERED or not _HAS_FORM.fullmatch(text, start, end):
            continue
        form = re.sub("[0-9]", "[0-9]", text[start:end])  # letters and signs are the same, digits others
        for match in _compiled(f"(?<![A-Za-z0-9.-]){form}(?![A-Za-z0-9.%-])").finditer(text):
            if _DAY.fullmatch(match[0]) or _OF_GOODS.search(text, max(0, match.start() - 8), match.start()):
                continue
            if not any(match.start() < other.end and other.start < match.end() for other in (*found, *alike)):
                alike.append(PersonalValue(*match.span(), kind))
    return alike


def masked(text: str, found: Sequence[PersonalValue]) -> str:
    """The text with placeholders for what was found in it."""
    for start, end, kind in reversed(found):
        text = text[:start] + kind.placeholder + text[end:]
    return text


def veiled(text: str, found: Sequence[PersonalValue]) -> str:
    """The text in which only the first character of what was found can be read: 王＊＊, 1＊＊＊＊＊＊＊＊＊＊."""
    for start, end, _ in found:
        text = text[: start + 1] + "＊" * (end - start - 1) + text[end:]
    return text


_NUMBERED = ("file_number", "insurance_number", "passport")
_HAS_FORM = re.compile("(?=.*[A-Za-z-])[A-Za-z0-9-]{6,}|[0-9]{7,}|0[0-9]{5,}")
"""Numbers whose form tells them from doses and dates."""

_DAY = re.compile("(?:19|20)[0-9]{2}-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12][0-9]|3[01])")
_OF_GOODS = re.compile("(?:批号|批次号?|货号|型号|条码|准字|效期|日期|[Ll]ot|LOT)[^，。；,;]{0,4}$")

_compiled = cache(re.compile)
