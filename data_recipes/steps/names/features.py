"""What speaks for and against a name at a place of a text, as numbers.

A candidate is a surname and one or two characters, or a part of a name of a people without surnames. It is described by
its characters, by the words of the dictionary that it is, has or cuts, and by the words and signs around it. All
candidates of many texts are described at once, by numpy.

Every number is a multiple of 1/64 and every weight (``scores.py``) of 1/256, so all sums are exact: what is found in a
text does not depend on the texts beside it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_recipes.steps.dictionary import words
from data_recipes.steps.names import lists

Codes = NDArray[np.uint64]
Places = NDArray[np.int64]
Mask = NDArray[np.bool_]
Column = NDArray[np.float64]

LONGEST = 4  # characters of a word that is looked up: they fit into 64 bits
_GAP = "\0" * (LONGEST + 1)  # between texts: what comes after the sign behind a name is looked up, too
_MOST_SIGNS = 3  # between a name and the word before it
MOST = 4.0
"""The largest number that says how often a word occurs."""

_STEP = 64
_HAN = slice(0x4E00, 0xA000)

CUTS = "cuts a word before"
TOGETHER = {"alone": "", "says what follows": "\0\n", "opens a record": "\0\n", "signs": "。！？；"}
"""Features of both sides, and which signs they need before the name; the first needs any."""

SINGLE, DOUBLE, PART, ROW = range(4)
"""Kinds of candidates: with a surname of one character, of two; a part of a name without a surname, several of them."""

ROW_OF_PARTS = "row of parts"


class Candidates(NamedTuple):
    """Where names may be, as places in joined texts.

    Attributes:
        start: Where each begins.
        given: Where its given name does.
        end: Where it ends.
        kind: ``SINGLE``, ``DOUBLE``, ``PART`` or ``ROW``.
    """

    start: Places
    given: Places
    end: Places
    kind: Places

    def at(self, chosen: NDArray[np.generic]) -> "Candidates":
        """Some of them, by numbers or a mask."""
        return Candidates(*(column[chosen] for column in self))


@dataclass(frozen=True)
class Joined:
    """Many texts as one array of characters.

    Attributes:
        codes: What is looked up: signs and characters that make no difference have one code.
        starts: Where each text begins.
    """

    codes: Codes
    starts: Places

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Joined":
        """Joins texts."""
        joined = _GAP + "".join(text + _GAP for text in texts)
        codes = np.minimum(np.frombuffer(joined.encode("utf-32-le", "replace"), np.uint32), 0xFFFF)
        lengths = [len(text) + len(_GAP) for text in texts]
        return cls(_same()[codes], np.cumsum([len(_GAP), *lengths])[:-1])

    def run(self, start: Places, length: int) -> Codes:
        """The characters from each place on, as one number."""
        value = self.codes[start]
        for further in range(1, length):
            value = value << np.uint64(16) | self.codes[start + further]
        return value

    def text_of(self, place: Places) -> Places:
        """The number of the text at each place."""
        return np.searchsorted(self.starts, place, side="right") - 1


@cache
def _same() -> Codes:
    """For each code the one that stands for it."""
    same = np.arange(0x10000, dtype=np.uint64)
    same[0xFF01:0xFF5F] -= 0xFEE0  # wide forms
    for variants in ("，,", "：:", "；;", "！!", "？?", "（(", "）)", " \u3000\t\r", "“\"‘'「『", "”’」』"):
        for variant in variants:
            same[same == ord(variant)] = ord(variants[0])
    for first, last, stands in (("0", "9", "0"), ("a", "z", "A"), ("A", "Z", "A")):
        same[(same >= ord(first)) & (same <= ord(last))] = ord(stands)
    for traditional, simplified in lists.TRADITIONAL.items():
        same[ord(traditional)] = ord(simplified)
    return same


class Table:
    """What is known of words of one to four characters: a number each, 0 of others."""

    def __init__(self, known: Mapping[str, float]) -> None:
        numbers = _numbers([*known])
        order = np.argsort(numbers)
        self._numbers, self._values = numbers[order], np.array(list(known.values()), np.float64)[order]

    def has(self, word: str) -> bool:
        """Whether a word is known."""
        return len(word) <= LONGEST and bool(self[_numbers([word])][0])

    def __getitem__(self, numbers: Codes) -> Column:
        at = np.minimum(np.searchsorted(self._numbers, numbers), len(self._numbers) - 1)
        return np.where(self._numbers[at] == numbers, self._values[at], 0.0)


def _numbers(words: Sequence[str]) -> Codes:
    """Words as ``Joined.run`` gives them."""
    codes = _same()[np.frombuffer("".join([*words, _GAP]).encode("utf-32-le"), np.uint32)]
    lengths = np.array([len(word) for word in words], np.int64)
    starts, numbers = np.cumsum(lengths) - lengths, np.zeros(len(words), np.uint64)
    for at in range(LONGEST):
        numbers = np.where(at < lengths, numbers << np.uint64(16) | codes[starts + at], numbers)
    return numbers


def mask(characters: Iterable[str]) -> Mask:
    """Whether a code is one of some characters."""
    found = np.zeros(0x10000, bool)
    found[_same()[[ord(character) for character in characters]]] = True
    return found


@cache
def _han() -> Mask:
    han = mask(())
    han[_HAN] = True
    return han


@cache
def letters() -> Mask:
    """Whether a code is a character, a letter or a digit."""
    return _han() | _masks()["sign letter"]


@cache
def _masks() -> dict[str, Mask]:
    return {
        "surname": mask(lists.SURNAMES),
        "surname is a word": mask(lists.SURNAMES_AND_WORDS),
        "rare surname": mask(lists.RARE_SURNAMES),
        "given": _han() & ~mask(lists.NEVER_GIVEN),
        "usual": mask(lists.USUAL_GIVEN),
        "medicine ends": mask(lists.MEDICINE_ENDS),
        "begins double": mask(double[0] for double in lists.DOUBLE_SURNAMES),
        "begins part": mask(part[0] for part in lists.PARTS),
        "separator": mask(" ：】)）\n、"),
        "colon": mask("：】"),
        "skipped": mask("， （、：“”"),
    } | {f"sign {name}": mask(signs) for name, signs in SIGNS.items()}


SIGNS = {
    "end": "\0\n",
    "stop": "。！？；",
    "comma": "，",
    "enumeration": "、/",
    "colon": "：】",
    "bracket": "（【[<《",
    "closed": "）]>》",
    "quote": "“”",
    "space": " ",
    "at": "@",
    "letter": "A0",
}
"""What stands before or after a name other than a character."""


@cache
def _tables() -> dict[str, Table]:
    def listed(words: Iterable[str]) -> Table:
        return Table(dict.fromkeys(words, 1.0))

    def classed(classes: Mapping[str, Sequence[str]]) -> Table:
        return Table({word: number for number, words in enumerate(classes.values(), 1) for word in words})

    return {
        "double": listed(lists.DOUBLE_SURNAMES),
        "part": listed(lists.PARTS),
        "address": listed(lists.ADDRESS),
        "no names": listed(
            (
                *lists.FAMOUS,
                *lists.WORDS,
                *lists.NOT_FILLED_IN,
                *(word for words in lists.BEFORE.values() for word in words),
            )
        ),
        "before": classed(lists.BEFORE),
        "after": classed(lists.AFTER),
    }


class Dictionary(NamedTuple):
    """What the dictionary has.

    Attributes:
        plain: How often words of several characters occur that are no names (logarithms).
        names: How often those that are names occur.
        speech: The part of speech of each word, as its place in ``SPEECH`` from 1 on.
    """

    plain: Table
    names: Table
    speech: Table


SPEECH = {
    "v": "verb",
    "d": "adverb",
    "p": "preposition",
    "n": "noun",
    "r": "pronoun",
    "c": "conjunction",
    "t": "time",
    "a": "adjective",
}
"""Parts of speech of the words before and after a name, by jieba's tags."""


@cache
def dictionary() -> Dictionary:
    """Its words of up to four characters."""
    plain, names, speech = dict[str, float](), dict[str, float](), dict[str, float]()
    numbers = {tag: number for number, tag in enumerate(SPEECH, 1)}
    for text, frequency, tag in words():
        if len(text) > LONGEST or max(text) > "\uffff":
            continue
        is_name = tag.startswith("nr")
        if len(text) > 1:
            (names if is_name else plain)[text] = _logarithm(frequency)
        if tag[0] in numbers and not is_name:
            speech[text] = numbers[tag[0]]
    return Dictionary(Table(plain), Table(names), Table(speech))


@cache
def _logarithm(frequency: float) -> float:
    return round(_STEP * min(MOST, float(np.log10(1 + frequency)))) / _STEP


def candidates(joined: Joined) -> Candidates:
    """Where names may be."""
    masks, tables, codes = _masks(), _tables(), joined.codes
    given = masks["given"][codes]
    single = np.flatnonzero(masks["surname"][codes[:-1]] & given[1:])
    single = single[tables["address"][joined.run(single + 1, 2)] == 0]  # 王先生 names nobody
    double = np.flatnonzero(masks["begins double"][codes[:-2]] & given[2:])
    double = double[tables["double"][joined.run(double, 2)] > 0]
    found = [
        _with_surname(single, 1, 1, SINGLE),
        _with_surname(single[given[single + 2]], 1, 2, SINGLE),
        _with_surname(double, 2, 1, DOUBLE),
        _with_surname(double[given[double + 3]], 2, 2, DOUBLE),
        _parts(joined),
    ]
    return Candidates(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


def _with_surname(start: Places, surname: int, given: int, kind: int) -> Candidates:
    return Candidates(start, start + surname, start + surname + given, np.full(len(start), kind))


def _parts(joined: Joined) -> Candidates:
    """The parts of names, of those that begin at one place the longest, and rows of them."""
    begins = np.flatnonzero(_masks()["begins part"][joined.codes[:-LONGEST]])
    ends = dict[int, int]()
    for length in range(2, LONGEST + 1):
        known = begins[_tables()["part"][joined.run(begins, length)] > 0]
        ends |= dict(zip(known.tolist(), (known + length).tolist(), strict=True))
    rows, last = list[tuple[int, int, int]](), 0
    for begin, end in sorted(ends.items()):
        if begin < last:
            continue
        kind = ROW if end in ends else PART
        while end in ends:
            end = ends[end]
        rows.append((begin, last := end, kind))
    start, end_of, kinds = np.array(rows, np.int64).reshape(-1, 3).T
    return Candidates(start, start, end_of, kinds)


def described(joined: Joined, of: Candidates) -> dict[str, Column]:
    """All that speaks for and against each candidate, by name."""
    return own(joined, of) | around(joined, of) | in_words(joined, of)


def own(joined: Joined, of: Candidates) -> dict[str, Column]:
    """Its characters."""
    masks, codes = _masks(), joined.codes
    single, part = of.kind == SINGLE, of.kind >= PART
    two = ~part & (of.end - of.given == 2)
    first, last = masks["usual"][codes[of.given]], masks["usual"][codes[of.end - 1]]
    holds = {
        "surname is a word": single & masks["surname is a word"][codes[of.start]],
        "rare surname": single & masks["rare surname"][codes[of.start]],
        "double surname": of.kind == DOUBLE,
        "two given": two,
        "one, usual": ~part & ~two & last,
        "two, one usual": two & (first ^ last),
        "two, both usual": two & first & last,
        "twice the same": two & (codes[of.given] == codes[of.end - 1]),
        "one, like a medicine": single & ~two & masks["medicine ends"][codes[of.end - 1]],
        "two, like a medicine": two & masks["medicine ends"][codes[of.end - 1]],
        "part of a name": of.kind == PART,
        ROW_OF_PARTS: of.kind == ROW,
        "is no name": _tables()["no names"][_span(joined, of)] > 0,
    }
    speech = np.where(single, dictionary().speech[codes[of.start]], 0)
    holds |= {f"surname is a {name}": speech == number for number, name in enumerate(SPEECH.values(), 1)}
    return {name: column.astype(float) for name, column in holds.items()}


def _span(joined: Joined, of: Candidates) -> Codes:
    """Candidates as numbers; of longer ones than can be words, nothing."""
    spans = np.zeros(len(of.start), np.uint64)
    for length in range(2, LONGEST + 1):
        chosen = of.end - of.start == length
        spans[chosen] = joined.run(of.start[chosen], length)
    return spans


def in_words(joined: Joined, of: Candidates) -> dict[str, Column]:
    """The words that it is, has or cuts, and those of the dictionary before and after it."""
    plain, names, speech = dictionary()
    before, after = _longest(joined, speech, of.start - 1, backwards=True), _longest(joined, speech, of.end)
    spoken = {f"after a {name}": (before == number) * 1.0 for number, name in enumerate(SPEECH.values(), 1)}
    spoken |= {f"before a {name}": (after == number) * 1.0 for number, name in enumerate(SPEECH.values(), 1)}
    span, length = _span(joined, of), of.end - of.start
    two, given = (of.kind < PART) & (of.end - of.given == 2), plain[joined.run(of.given, 2)]
    masks, codes = _masks(), joined.codes
    return spoken | {
        "is a word": plain[span],
        "is a known name": names[span],
        "begins like a word": (two & (of.kind == SINGLE)) * plain[joined.run(of.start, 2)],
        "given name is a word": two * given,
        "given name is a word, surname too": two * given * masks["surname is a word"][codes[of.start]],
        "given name is a word, rare surname": two * given * masks["rare surname"][codes[of.start]],
        "begins a word": (length == 2) * plain[joined.run(of.start, 3)] + (length < 4) * plain[joined.run(of.start, 4)],
        "begins a known name": (length == 2) * names[joined.run(of.start, 3)],
        CUTS: cut_before(joined, of.start),
        "cuts a longer word before": _longer(plain, joined, of.start - 2, of.start - 1),
        "cuts a listed word": _cuts_listed(joined, of),
        "cuts a word after": plain[joined.run(of.end - 1, 2)],
        "cuts a longer word after": _longer(plain, joined, of.end - 2, of.end - 1),
        "a word ends before": np.maximum(plain[joined.run(of.start - 2, 2)], plain[joined.run(of.start - 3, 3)]),
        "a word begins after": np.maximum(plain[joined.run(of.end, 2)], plain[joined.run(of.end, 3)]),
    }


def cut_before(joined: Joined, start: Places) -> Column:
    """How often the word of two characters occurs that would be cut by a name that begins at each place."""
    return dictionary().plain[joined.run(start - 1, 2)]


def _cuts_listed(joined: Joined, of: Candidates) -> Column:
    """Whether it is a part of a longer word that is listed as no name, or begins in one: 张仲 or 景曰 of 张仲景曰."""
    listed, length = _tables()["no names"], of.end - of.start
    parts = [
        listed[joined.run(of.start - before, longer)] * np.logical_or(before > 0, length < longer)
        for longer in range(2, LONGEST + 1)
        for before in range(longer)
    ]
    return np.maximum.reduce(parts)


def _longer(plain: Table, joined: Joined, *starts: Places) -> Column:
    one, other = (plain[joined.run(start, 3)] for start in starts)
    return np.maximum(one, other)


def around(joined: Joined, of: Candidates) -> dict[str, Column]:
    """What is said before and after it."""
    masks, codes = _masks(), joined.codes
    before, colon = of.start - 1, np.zeros(len(of.start), bool)
    for _ in range(_MOST_SIGNS):
        colon |= masks["colon"][codes[before]]
        before = np.where(masks["separator"][codes[before]], before - 1, before)
    adjacent = before == of.start - 1
    said_before = _longest(joined, _tables()["before"], before, backwards=True)
    said_after = _longest(joined, _tables()["after"], of.end)
    said_later = masks["skipped"][codes[of.end]] * _longest(joined, _tables()["after"], of.end + 1)
    holds: dict[str, Mask] = {}
    for number, name in enumerate(lists.BEFORE, 1):
        holds[f"after {name}"] = (said_before == number) & adjacent
        holds[f"after {name}, colon"] = (said_before == number) & colon
        holds[f"after {name}, sign"] = (said_before == number) & ~colon & ~adjacent
    for number, name in enumerate(lists.AFTER, 1):
        holds[f"before {name}"] = said_after == number
        holds[f"before sign, {name}"] = said_later == number
    for name in SIGNS:
        holds[f"after sign {name}"] = masks[f"sign {name}"][codes[of.start - 1]]
        holds[f"before sign {name}"] = masks[f"sign {name}"][codes[of.end]]
    return {name: column.astype(float) for name, column in (holds | _together(joined, of, holds)).items()}


def _together(joined: Joined, of: Candidates, holds: Mapping[str, Mask]) -> dict[str, Mask]:
    """What several of these say together."""
    letter, codes = letters(), joined.codes
    opens = holds["after sign end"]
    together = (
        ~letter[codes[of.start - 1]] & ~letter[codes[of.end]],
        opens & holds["before sign colon"],
        opens & holds["before sign, described"],
        holds["after sign stop"] & holds["before sign end"],
    )
    return dict(zip(TOGETHER, together, strict=True))


def _longest(joined: Joined, table: Table, at: Places, backwards: bool = False) -> Column:
    """What a table has of the longest word that begins at each place, or ends there."""
    found = np.zeros(len(at))
    for length in range(1, LONGEST + 1):
        value = table[joined.run(at - length + 1 if backwards else at, length)]
        found = np.where(value > 0, value, found)
    return found
