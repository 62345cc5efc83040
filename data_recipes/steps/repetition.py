"""How much of a text repeats itself."""

import numpy as np
import polars as pl
import pyarrow as pa
from numba import int64, njit, uint64
from numpy.typing import NDArray

from data_recipes.leakage.minhash import fold, folding, hash_runs


def repeated_share(texts: pl.Series, length: int) -> NDArray[np.float64]:
    """The share of the runs of ``length`` characters that occurred earlier in the same text, for each text."""
    strings = texts.fill_null("").to_arrow().cast(pa.large_string())
    _, offsets, data = strings.buffers()
    ends = np.frombuffer(offsets, np.int64)[strings.offset : strings.offset + len(strings) + 1]
    utf8 = np.frombuffer(data, np.uint8) if data and data.size else np.zeros(0, np.uint8)
    out = np.zeros(len(strings))
    _shares(utf8, ends, folding(), length, out)
    return out


@njit(cache=True, nogil=True)
def _shares(utf8, ends, folding, length, out):  # type: ignore[no-untyped-def]
    longest = 1
    for text in range(len(out)):
        longest = max(longest, ends[text + 1] - ends[text])
    codes, grams = np.empty(longest, np.int64), np.empty(longest, np.uint64)
    slots = 2
    while slots < 2 * longest:
        slots *= 2
    table, owner = np.empty(slots, np.uint64), np.full(slots, -1)
    for text in range(len(out)):
        characters = fold(utf8, ends[text], ends[text + 1], folding, codes)
        if characters <= length:
            continue
        count = hash_runs(codes, characters, length, grams)
        mask = 1
        while mask < 2 * count:
            mask *= 2
        repeated = 0
        for at in range(count):
            slot = int64((grams[at] >> uint64(20)) & uint64(mask - 1))
            while owner[slot] == text and table[slot] != grams[at]:
                slot = (slot + 1) & (mask - 1)
            repeated += owner[slot] == text
            owner[slot], table[slot] = text, grams[at]
        out[text] = repeated / count
