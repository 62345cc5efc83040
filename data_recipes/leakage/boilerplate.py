"""What many rows have in common says nothing about any of them: fixed instructions, courtesies, disclaimers.

The threshold is that of GPT-3's decontamination (arXiv:2005.14165, appendix C), which ignored runs that more than ten
documents have in common; ``benchmarks/boilerplate.py`` measures it, docs/decisions/0028 explains it.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from data_recipes.leakage.hashes import Codes, Hashes, hashes_by_place, mix, mostly_latin
from data_recipes.leakage.normalise import LATIN_RUN, RUN

MOST_ROWS = 10  # rows that may share a run of characters or a system text before it is boilerplate
FEW_ROWS = 3  # from this many rows on, a system text that all rows have is an instruction

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int32]


def has_case(systems: Hashes) -> Mask:
    """Which rows have a system text that is part of the question, e.g. a patient's record, and no instruction.

    Args:
        systems: The hash of each row's system text; 0 where it has none.
    """
    if not systems.any():
        return np.zeros(len(systems), bool)
    _, text_of, rows = np.unique(systems, return_inverse=True, return_counts=True)
    everywhere = len(systems) if len(systems) >= FEW_ROWS else np.inf
    return (systems != 0) & (rows <= MOST_ROWS)[text_of] & (rows < everywhere)[text_of]


def with_cases(questions: Hashes, systems: Hashes, cases: Mask) -> Hashes:
    """The hashes of questions, to which a system text with a case belongs."""
    return np.where(cases, mix(questions ^ mix(systems)), questions)


def common_hashes(buckets: Iterable[tuple[Hashes, Rows]], roots: Rows, most: int = MOST_ROWS) -> Hashes:
    """The hashes that too many rows have.

    Args:
        buckets: Sorted hashes and the row of each; the same hash is never in two buckets.
        roots: The first of the rows that count as one, e.g. because their question is the same.
        most: How many may have a hash.
    """
    found = [np.zeros(0, np.uint64)]
    for hashes, rows in buckets:
        starts = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1]])) if len(hashes) else rows[:0]
        sizes = np.diff(np.append(starts, len(hashes)))
        frequent = np.repeat(sizes > most, sizes)
        hashes, rows = hashes[frequent], roots[rows[frequent]]
        _, first = np.unique(mix(rows.astype(np.uint64)) ^ hashes, return_index=True)
        different, numbers = np.unique(hashes[first], return_counts=True)
        found.append(different[numbers > most])
    return np.concatenate(found)


class CommonRuns:
    """The runs that too many of some texts have, by which these look like near-duplicates.

    Args:
        texts: The texts, or enough of them.
    """

    def __init__(self, texts: Codes) -> None:
        self._common = {}
        for length in (RUN, LATIN_RUN):
            places, hashes = hashes_by_place(texts, length)
            order = np.argsort(hashes, kind="stable")
            rows = np.searchsorted(texts.ends, places[order], side="right").astype(np.int32)
            every = np.arange(len(texts.ends), dtype=np.int32)
            self._common[length] = np.sort(common_hashes([(hashes[order], rows)], every))

    def without(self, texts: Codes) -> list[str]:
        """What each text has of its own: without all common runs, of ``LATIN_RUN`` in texts in Latin letters."""
        latin = np.repeat(mostly_latin(texts), texts.lengths)
        own = ~np.where(latin, self._covered(texts, LATIN_RUN), self._covered(texts, RUN))
        letters = texts.characters[own].tobytes().decode("utf-32-le", "surrogatepass")
        ends = np.concatenate([[0], np.cumsum(own)])[texts.ends].tolist()
        return [letters[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def _covered(self, texts: Codes, length: int) -> Mask:
        """Which characters are in a common run of a length."""
        places, hashes = hashes_by_place(texts, length)
        common = self._common[length]
        at = np.minimum(np.searchsorted(common, hashes), max(0, len(common) - 1))
        first = places[common[at] == hashes] if len(common) else places[:0]
        change = np.zeros(len(texts.characters) + 1, np.int64)
        np.add.at(change, first, 1)
        np.add.at(change, first + length, -1)
        return np.cumsum(change)[:-1] > 0
