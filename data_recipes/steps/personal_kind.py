"""What a kind of personal data is, and how its values are found and masked."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple


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
    """

    name: str
    placeholder: str
    pattern: str
    hint: str
    certain: Callable[[re.Match[str]], bool] = lambda match: True


class PersonalValue(NamedTuple):
    """A personal value in a text."""

    start: int
    end: int
    kind: Kind


def find(text: str, kinds: Sequence[Kind]) -> list[PersonalValue]:
    """The personal values of a text, in their order; of overlapping ones that of the first kind."""
    found: list[PersonalValue] = []
    for kind in kinds:
        for match in _compiled(kind.pattern).finditer(text):
            start, end = match.span("value")
            if kind.certain(match) and not any(start < other.end and other.start < end for other in found):
                found.append(PersonalValue(start, end, kind))
    return sorted(found)


def masked(text: str, found: Sequence[PersonalValue]) -> str:
    """The text with placeholders for what was found in it."""
    for start, end, kind in reversed(found):
        text = text[:start] + kind.placeholder + text[end:]
    return text


_compiled = cache(re.compile)
