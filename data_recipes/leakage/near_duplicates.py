"""Near-duplicates: MinHash over runs of characters, banded on disk, each candidate checked before it counts.

Texts are compared folded (width, case, no punctuation or spaces). The sketch is that of Dahlgaard, Knudsen and Thorup,
"Fast similarity sketching" (FOCS 2017): as exact as MinHash with as many permutations, in a few passes over the text.
A band is ``rows`` values of the sketch, of ``64 // rows`` bits each, packed into one number; so the bands are also the
sketch, and a pair that shares a band is checked by the share of all its values that agree.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data_recipes.leakage.groups import Links

NGRAM = 5  # characters
BANDS, ROWS = 24, 5  # a pair with similarity 0.7 shares a band with a chance of 98.8 %, with 0.8 of 99.99 %
THRESHOLD = 0.7  # minimum share of common runs
_LEADERS = 8  # rows that the others of the same band value are compared with, one after another
_PAIRS = 1 << 20  # checked at a time


def signatures(texts: pa.Array, *, ngram: int = NGRAM, bands: int = BANDS, rows: int = ROWS) -> NDArray[np.uint64]:
    """The bands of each text.

    Args:
        texts: Strings of any length; one that is shorter than ``ngram`` once folded is compared as a whole.
        ngram: Characters of a run.
        bands: Bands for each text.
        rows: Sketch values in a band; more make a band more selective.

    Returns:
        ``[len(texts), bands]``. Two texts share a band with a chance of about ``similarity ** rows``.
    """
    from data_recipes.leakage import minhash  # loads a compiler

    strings = pc.fill_null(pc.cast(texts, pa.large_string()), "")
    if isinstance(strings, pa.ChunkedArray):
        strings = strings.combine_chunks()
    _, offsets, data = strings.buffers()
    ends = np.frombuffer(offsets, np.int64)[strings.offset : strings.offset + len(strings) + 1]
    utf8 = np.frombuffer(data, np.uint8) if data and data.size else np.zeros(0, np.uint8)
    out = np.empty((len(strings), bands), np.uint64)
    minhash.fill(utf8, ends, minhash.folding(), ngram, rows, out)
    return out


class BandFiles:
    """The bands of many rows, one file for each band, so that no more than one of them is needed at a time.

    Args:
        folder: Where the files are; it must exist.
        bands: How many there are.
    """

    def __init__(self, folder: Path, bands: int = BANDS) -> None:
        self._paths = [folder / f"band-{band:03}" for band in range(bands)]

    def append(self, hashes: NDArray[np.uint64]) -> None:
        """Adds the next rows.

        Args:
            hashes: What ``signatures`` returned for them.
        """
        for path, band in zip(self._paths, hashes.T, strict=True):
            with path.open("ab") as file:
                file.write(np.ascontiguousarray(band).tobytes())

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, band: int) -> NDArray[np.uint64]:
        return np.memmap(self._paths[band], np.uint64, "r")


Bands = Sequence[NDArray[np.uint64]] | NDArray[np.uint64] | BandFiles


def clusters(bands: Bands, n: int, *, rows: int = ROWS, threshold: float = THRESHOLD) -> NDArray[np.int32]:
    """Groups rows that are near-duplicates of one another, directly or through others.

    Args:
        bands: For each band the values of all rows: ``BandFiles``, or ``signatures(…).T``.
        n: How many rows there are.
        rows: As given to ``signatures``.
        threshold: Similarity of a pair that is joined. One whose estimate lies less than the estimate's standard
            error below it (0.04 at 0.7) is joined too: a row too many costs little, a missed one leaks.

    Returns:
        For each row the number of the first row of its cluster; its own where it is like no other.
    """
    links = Links(n)
    least = threshold - np.sqrt(threshold * (1 - threshold) / (len(bands) * rows))
    for band in range(len(bands)):
        members, runs = _sharing(bands[band])
        for _ in range(_LEADERS):
            if not len(members):
                break
            leaders = _first_of_run(members, runs)
            apart = links.roots[members] != links.roots[leaders]
            members, runs, leaders = members[apart], runs[apart], leaders[apart]
            alike = similarity(bands, leaders, members, rows) >= least
            links.join(leaders[alike], members[alike])
            members, runs = members[~alike], runs[~alike]
    return links.roots


def _sharing(band: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows whose value occurs more than once, those with one value side by side, and the number of their value."""
    order = np.argsort(band)
    ordered = np.asarray(band)[order]
    same = ordered[1:] == ordered[:-1]
    edge = np.zeros(1, bool)
    shared = np.concatenate([edge, same]) | np.concatenate([same, edge])
    return order[shared], np.cumsum(~np.concatenate([edge, same]))[shared]


def _first_of_run(members: NDArray[np.int64], runs: NDArray[np.int64]) -> NDArray[np.int64]:
    starts = np.flatnonzero(np.concatenate([[True], runs[1:] != runs[:-1]]))
    return np.repeat(np.minimum.reduceat(members, starts), np.diff(np.append(starts, len(members))))


def similarity(bands: Bands, left: NDArray[np.int64], right: NDArray[np.int64], rows: int) -> NDArray[np.float64]:
    """The estimated share of common runs of pairs of rows: equal values of the sketch, less those equal by chance."""
    bits = 64 // rows
    equal = np.zeros(len(left), np.int64)
    for band in range(len(bands)):
        values = bands[band]
        for start in range(0, len(left), _PAIRS):
            pairs = slice(start, start + _PAIRS)
            differing = values[left[pairs]] ^ values[right[pairs]]
            for row in range(rows):
                equal[pairs] += (differing >> np.uint64(bits * row)) & np.uint64((1 << bits) - 1) == 0
    chance = 0.5**bits
    return (equal / (len(bands) * rows) - chance) / (1 - chance)
