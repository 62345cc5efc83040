"""Whether a text loops: says the same thing over and over, as a model does that cannot find its end (复读机).

One judge for all: reports count with it, the engine ends rows by it, the service cuts by it. It knows two shapes.
A *period* is a unit repeated without a gap, numbers aside where they only count up (``1. 多喝水 2. 多喝水 …``).
A *stew* is a long row of Chinese clauses that are always the same few, in any order. What is repeated on purpose is not
a loop: laughter, rules, tables, code, number sequences, verses. Precision and recall: ``benchmarks/loops.md``.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

SYMBOL = re.compile(r"\d{1,20}|\s+|.", re.DOTALL)  # a number or a gap is one symbol
CHINESE = re.compile(r"[\u3400-\u9fff]")
LETTER = re.compile(r"[^\W\d_]")
RULES = set("-=_*~#·.─—| \n:+")  # lines, forms, tables of contents
CODE = re.compile(r"[{}<>=\\]|\(.*\)")
CLAUSE = re.compile(r"[^，。、；！？,.;!?\s]+")

# how long a repetition may be, in characters, before it is a loop
LONGEST_RULE = 150  # -----
LONGEST_SIGNS = 70  # ！！！
LONGEST_CRY = 60  # 哈哈哈
LONGEST_WORDS = 90  # Latin words
FEWEST_LINES_OF_CODE = 10  # how often a line of code is repeated before it is a loop
CLAUSES, DISTINCT = 16, 3


@dataclass(frozen=True)
class Loop:
    """A loop in a text.

    Attributes:
        start: Where the first copy begins, in characters.
        kept: Where the first copy ends; the text is complete up to here.
        end: Where the last copy ends.
    """

    start: int
    kept: int
    end: int


def find_loop(text: str) -> Loop | None:
    """The first period of a text, else its first stew; None where it does not loop.

    Args:
        text: An answer, whole or as far as it goes.
    """
    return _period(text) or _stew(text)


@dataclass(frozen=True)
class _Run:
    """A stretch of symbols that repeats with a period.

    Attributes:
        unit: The symbols of its first copy.
        symbols: All its symbols, as written.
    """

    unit: Sequence[str]
    symbols: Sequence[str]

    @property
    def copies(self) -> float:
        """How often the unit occurs; the last copy may be incomplete."""
        return len(self.symbols) / len(self.unit)

    @property
    def length(self) -> int:
        """Characters."""
        return sum(map(len, self.symbols))


def _period(text: str) -> Loop | None:
    places = [match.span() for match in SYMBOL.finditer(text)]
    written = [text[start:end] for start, end in places]
    codes = _codes(written)
    loops: list[Loop] = []
    seen: list[tuple[int, int, int]] = []
    for period in range(1, len(codes) // 3 + 1):
        for start, end in _stretches(codes[period:] == codes[:-period], 2 * period):
            # twice a period is a period too: the shortest one is judged
            if any(first <= start and end + period <= last and period % size == 0 for first, last, size in seen):
                continue
            seen.append((start, end + period, period))
            if _is_loop(_Run(written[start : start + period], written[start : end + period])):
                loops.append(Loop(places[start][0], places[start + period - 1][1], places[end + period - 1][1]))
    return min(loops, key=lambda loop: (loop.start, loop.kept), default=None)


def _codes(symbols: Sequence[str]) -> npt.NDArray[np.int64]:
    """A number per symbol, ``[symbols]``; all numbers are one symbol, and so are all gaps."""
    known: dict[str, int] = {}
    kinds = (
        "0" if symbol[0].isdigit() else " " if symbol.isspace() and "\n" not in symbol else symbol for symbol in symbols
    )
    return np.fromiter((known.setdefault(kind, len(known)) for kind in kinds), np.int64)


def _stretches(same: npt.NDArray[np.bool_], shortest: int) -> Iterator[tuple[int, int]]:
    """The stretches of True of at least this length, as (start, end)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], same, [False])).astype(np.int8)))
    for start, end in edges.reshape(-1, 2):
        if end - start >= shortest:
            yield int(start), int(end)


def _is_loop(run: _Run) -> bool:
    """Whether a repetition goes beyond what people repeat on purpose."""
    unit = "".join(run.unit)
    if not LETTER.search(unit):
        return _counts_or_stays(run) and run.length >= (LONGEST_RULE if set(unit) <= RULES else LONGEST_SIGNS)
    if not _counts_or_stays(run):
        return False
    if len(LETTER.findall(unit)) == 1:
        return run.length >= LONGEST_CRY
    if CODE.search(unit) and 3 * len(CHINESE.findall(unit)) < len(unit):
        return run.copies >= FEWEST_LINES_OF_CODE
    if not CHINESE.search(unit):
        return run.copies >= 4 and run.length >= LONGEST_WORDS
    fewest = 5 if run.length < 40 else 4 if run.length < 120 else 3
    return run.copies >= fewest and run.length >= 24


def _counts_or_stays(run: _Run) -> bool:
    """Whether each number of the unit stays the same or counts up by one; other numbers carry facts (doses, years)."""
    period = len(run.unit)
    return all(
        _is_count([int(symbol) for symbol in run.symbols[place::period]])
        for place, symbol in enumerate(run.unit)
        if symbol[0].isdigit()
    )


def _is_count(numbers: Sequence[int]) -> bool:
    whole = numbers[:-1] if len(numbers) > 2 else numbers  # the last one may be cut
    steps = {later - earlier for earlier, later in pairwise(whole)}
    return steps <= {0} or steps <= {1}


def _stew(text: str) -> Loop | None:
    """A window of ``CLAUSES`` clauses of which at most ``DISTINCT`` are different."""
    clauses = [match.span() for match in CLAUSE.finditer(text)]
    words = [text[start:end] for start, end in clauses]
    inside = [i for i in range(len(words) - CLAUSES + 1) if _always_the_same(words[i : i + CLAUSES])]
    if not inside:
        return None
    first, last = inside[0], inside[0] + CLAUSES
    while last < len(words) and words[last] in words[first:last]:
        last += 1
    repeated = next(i for i in range(first, last) if words[i] in words[first:i])
    return Loop(clauses[first][0], clauses[repeated][0], clauses[last - 1][1])


def _always_the_same(words: Sequence[str]) -> bool:
    return len(set(words)) <= DISTINCT and all(len(CHINESE.findall(word)) > 1 for word in words)
