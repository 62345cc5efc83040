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
_PAIR = np.dtype([("hash", np.uint64), ("row", np.int32)])


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
        for path in self._paths:
            path.touch()

    def add(self, hashes: Hashes, rows: Rows) -> None:
        """Appends hashes to their files."""
        pairs = np.empty(len(hashes), _PAIR)
        pairs["hash"], pairs["row"] = hashes, rows
        bucket = np.zeros(len(hashes), np.uint64) if not self._bits else hashes >> np.uint64(64 - self._bits)
        order = np.argsort(bucket, kind="stable")
        edges = np.searchsorted(bucket[order], np.arange(len(self._paths) + 1, dtype=np.uint64))
        for number, path in enumerate(self._paths):
            write_array(path, pairs[order[edges[number] : edges[number + 1]]], "ab")

    def sort(self) -> Iterator[tuple[Hashes, Rows]]:
        """Sorts each file by hash; the sorted hashes and rows of each."""
        for path in self._paths:
            pairs = np.fromfile(path, _PAIR)
            pairs = pairs[np.argsort(pairs["hash"], kind="stable")]
            write_array(path, pairs)
            yield np.ascontiguousarray(pairs["hash"]), np.ascontiguousarray(pairs["row"])

    def each(self) -> Iterator[tuple[Hashes, Rows]]:
        """The hashes and rows of each file; the same hash is never in two of them."""
        for path in self._paths:
            pairs = np.fromfile(path, _PAIR)
            yield np.ascontiguousarray(pairs["hash"]), np.ascontiguousarray(pairs["row"])


def write_array(path: Path, values: np.ndarray, mode: str = "wb") -> None:
    """Writes or appends (``ab``) an array; numpy's own ``tofile`` does not say that the disk is full."""
    with path.open(mode) as file:
        file.write(values.tobytes())
