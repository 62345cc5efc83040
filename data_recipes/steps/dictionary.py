"""The words of Chinese, from jieba's dictionary."""

from collections.abc import Collection, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

_COMMON = 50  # occurrences in the texts that the dictionary was made of
_LONGEST = 4  # characters


class Word(NamedTuple):
    """A word, how often it occurs, and its part of speech: names begin with ``nr``."""

    text: str
    frequency: int
    tag: str


def words(first: Collection[str] = ()) -> Iterator[Word]:
    """All words of the dictionary, or those that begin with one of some characters."""
    package = find_spec("jieba")  # importing it would load its models
    assert package and package.origin
    with (Path(package.origin).parent / "dict.txt").open(encoding="utf-8") as lines:
        for line in lines:
            if not first or line[0] in first:
                text, frequency, tag = line.split()
                yield Word(text, int(frequency), tag)


@cache
def common_words() -> frozenset[str]:
    """Words of two to four characters that are not rare."""
    return frozenset(word.text for word in words() if word.frequency >= _COMMON and 2 <= len(word.text) <= _LONGEST)


def in_words(text: str) -> int:
    """How many characters of a text are in a common word."""
    common, covered = common_words(), [False] * len(text)
    for at in range(len(text)):
        for end in range(at + 2, min(at + _LONGEST, len(text)) + 1):
            if text[at:end] in common:
                covered[at:end] = [True] * (end - at)
    return sum(covered)
