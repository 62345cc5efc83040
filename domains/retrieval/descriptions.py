"""What a question describes without naming it: BM25 over pairs of characters of everything that is said of an entry.

The index is a few arrays in memory. SQLite's FTS5 ranks by the same formula, but single characters cannot count less
than pairs there, and how much of a question is found at all, which decides whether anything is, cannot be asked.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise

import numpy as np
import numpy.typing as npt

from domains.knowledge_base import Entry, KnowledgeBase
from domains.retrieval.lexicon import SpokenNames
from domains.retrieval.normalise import HAN, normalised
from domains.retrieval.wording import content

SATURATION, LENGTH = 1.2, 0.4  # k1 and b of BM25
SINGLE = 0.6  # weight of a single character beside that of a pair
NAMES, DESCRIBED, DEFINITION, ATTRIBUTES = 1.5, 2.5, 1.0, 0.5  # weights of the fields

_RUN = re.compile(rf"[a-z0-9.]+|[{HAN}]+")


class Descriptions:
    """Ranks entries by what is said of them.

    Args:
        knowledge: The knowledge base with its lexicon.
    """

    def __init__(self, knowledge: KnowledgeBase) -> None:
        self._ids = [entry.id for entry in knowledge.entries]
        spoken = {line.id: line for line in knowledge.lexicon.names}
        counts = [_counted(fields_of(entry, spoken.get(entry.id))) for entry in knowledge.entries]
        self._terms = {term: place for place, term in enumerate(dict.fromkeys(chain.from_iterable(counts)))}
        self._starts, self._rows, self._weights = _index(counts, self._terms)

    def __contains__(self, term: object) -> bool:
        """Whether a pair of characters is said of any entry."""
        return term in self._terms

    def scores(self, text: str) -> dict[str, float]:
        """How well a normalised question fits each entry; entries that share nothing with it are left out.

        The unit is what a pair of characters adds that a single entry has, in a text of usual length.
        """
        scores = np.zeros(len(self._ids))
        for term in dict.fromkeys(terms_of(" ".join(content(text)))):
            if term in self._terms:
                place = self._terms[term]
                having = slice(self._starts[place], self._starts[place + 1])
                scores[self._rows[having]] += self._weights[having]
        return {self._ids[row]: float(scores[row]) for row in np.flatnonzero(scores)}


_Numbers = npt.NDArray[np.int64]
_Weights = npt.NDArray[np.float64]


def _index(counts: Sequence[Mapping[str, float]], terms: Mapping[str, int]) -> tuple[_Numbers, _Numbers, _Weights]:
    """The entries that have each term, one term after the other, with what it adds to their scores.

    Returns:
        Where each term begins in the other two, the entries, the weights.
    """
    entries = len(counts)
    rows = np.repeat(np.arange(entries), [len(count) for count in counts])
    places = np.fromiter((terms[term] for count in counts for term in count), np.int64, len(rows))
    often = np.fromiter((times for count in counts for times in count.values()), np.float64, len(rows))
    order = np.argsort(places, kind="stable")
    rows, places, often = rows[order], places[order], often[order]
    having = np.bincount(places, minlength=len(terms))
    lengths = np.bincount(rows, often, entries)
    slowed = SATURATION * (1 - LENGTH + LENGTH * lengths / (lengths.mean() if entries else 1))
    rarity = np.log(1 + (entries - having + 0.5) / (having + 0.5)) / math.log(1 + (entries - 0.5) / 1.5)
    rarity *= np.array([SINGLE if len(term) == 1 else 1.0 for term in terms])
    weights = rarity[places] * often * (SATURATION + 1) / (often + slowed[rows])
    return np.concatenate(([0], np.cumsum(having))), rows, weights


def fields_of(entry: Entry, spoken: SpokenNames | None) -> Iterator[tuple[float, Iterable[str]]]:
    """What is said of an entry, with the weight of each field."""
    yield NAMES, entry.names
    yield DEFINITION, (entry.definition,)
    yield ATTRIBUTES, (item for items in entry.attributes.values() for item in items)
    if spoken is not None:
        yield NAMES, (name for name, _ in spoken.names())
        yield DESCRIBED, spoken.described


def _counted(fields: Iterable[tuple[float, Iterable[str]]]) -> dict[str, float]:
    counts: dict[str, float] = {}
    for weight, texts in fields:
        for term, times in Counter(terms_of(normalised("。".join(texts)))).items():
            counts[term] = counts.get(term, 0.0) + weight * times
    return counts


def terms_of(text: str) -> list[str]:
    """Pairs of characters and single ones; Latin words and numbers whole."""
    found: list[str] = []
    for run in _RUN.findall(text):
        if run[0].isascii():
            found.append(run)
        else:
            found += map("".join, pairwise(run))
            found += run
    return found
