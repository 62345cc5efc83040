"""Which rows belong together, for any number of rows: union-find on arrays, fed by sorted hashes.

Two rows that share a hash are linked. Hashes that fit into memory are sorted there; runs of characters, of which a row
has many, are dealt out to files by their value first, and each file is sorted separately.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data_recipes.leakage.hashes import Hashes

Rows = npt.NDArray[np.int32]
BUCKET = 4_000_000  # hashes that are sorted at a time


class Links:
    """Rows that are linked directly or through others.

    Args:
        rows: How many there are.
    """

    def __init__(self, rows: int) -> None:
        self.roots: Rows = np.arange(rows, dtype=np.int32)
        """The first row that each row is linked with; itself where there is none."""

    def add(self, hashes: Hashes, rows: Rows) -> None:
        """Links the rows that have a hash in common.

        Args:
            hashes: Any number per row.
            rows: The row of each hash.
        """
        order = np.argsort(hashes, kind="stable")
        hashes, rows = hashes[order], rows[order]
        repeats = np.zeros(len(rows), bool)
        repeats[1:] = hashes[1:] == hashes[:-1]
        firsts = np.maximum.accumulate(np.where(repeats, 0, np.arange(len(rows))))
        self.join(rows[firsts[repeats]], rows[repeats])

    def join(self, ones: Rows, others: Rows) -> None:
        """Links the rows of each pair."""
        while True:
            ones, others = self.roots[ones], self.roots[others]
            apart = ones != others
            if not apart.any():
                return
            ones, others = ones[apart], others[apart]
            np.minimum.at(self.roots, np.maximum(ones, others), np.minimum(ones, others))
            self._shorten()

    def _shorten(self) -> None:
        """Points every row straight at its root."""
        while True:
            further = self.roots[self.roots]
            if np.array_equal(further, self.roots):
                return
            self.roots = further


class Buckets:
    """Hashes and their rows on disk, dealt out by value.

    Args:
        folder: Where the files go.
        hashes: How many there will be.
    """

    def __init__(self, folder: Path, hashes: int) -> None:
        folder.mkdir()
        self._bits = max(0, (hashes // BUCKET).bit_length())
        self._paths = [folder / f"{number:05}" for number in range(1 << self._bits)]

    def add(self, hashes: Hashes, rows: Rows) -> None:
        """Appends hashes to their files."""
        pairs = np.empty(len(hashes), [("hash", np.uint64), ("row", np.int32)])
        pairs["hash"], pairs["row"] = hashes, rows
        bucket = np.zeros(len(hashes), np.uint64) if not self._bits else hashes >> np.uint64(64 - self._bits)
        order = np.argsort(bucket, kind="stable")
        edges = np.searchsorted(bucket[order], np.arange(len(self._paths) + 1, dtype=np.uint64))
        for number, path in enumerate(self._paths):
            with path.open("ab") as file:
                pairs[order[edges[number] : edges[number + 1]]].tofile(file)

    def each(self) -> Iterator[tuple[Hashes, Rows]]:
        """The hashes and rows of each file; the same hash is never in two of them."""
        for path in self._paths:
            pairs = np.fromfile(path, [("hash", np.uint64), ("row", np.int32)])
            yield np.ascontiguousarray(pairs["hash"]), np.ascontiguousarray(pairs["row"])
            path.unlink()
