"""The words of Chinese, from jieba's dictionary."""

import math
from collections import Counter
from collections.abc import Collection, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

_COMMON = 50  # occurrences in the texts that the dictionary was made of
_LONGEST = 4  # characters
_KNOWN = 3  # occurrences from which on a word is taken for one
_LONGEST_KNOWN = 6  # characters


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


@cache
def _endings() -> tuple[frozenset[str], dict[str, float]]:
    """The words of several characters; how often a character is a word, for each time that it begins one of these."""
    known: set[str] = set()
    alone, begun = Counter[str](), Counter[str]()
    for word in words():
        if len(word.text) == 1:
            alone[word.text] += word.frequency
            continue
        begun[word.text[0]] += word.frequency
        if word.frequency >= _KNOWN:
            known.add(word.text)
    return frozenset(known), {first: alone[first] / times for first, times in begun.items() if times}


def last_word_is_whole(text: str) -> float:
    """How likely a text does not end within a word.

    Args:
        text: A text that ends in a Chinese character.

    Returns:
        Infinite where it ends in a word of several characters; else how often its last character is a word, for each
        time that it begins a longer one.
    """
    known, alone = _endings()
    if any(text[-length:] in known for length in range(2, _LONGEST_KNOWN + 1)):
        return math.inf
    return alone.get(text[-1], math.inf)
