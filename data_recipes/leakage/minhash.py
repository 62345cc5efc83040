"""The loops of the near-duplicate search, compiled.

They are in a separate file because the compiler takes half a second to load.
"""

import unicodedata
from functools import cache

import numpy as np
from numba import int64, njit, uint64
from numpy.typing import NDArray

FIRST_ASTRAL = 1 << 16


@cache
def folding() -> NDArray[np.uint32]:
    """For each character of the basic plane the one that it is compared as; 0 for what is ignored."""
    table = np.zeros(FIRST_ASTRAL, np.uint32)
    for code in range(FIRST_ASTRAL):
        folded = (c for c in unicodedata.normalize("NFKC", chr(code)).lower() if c.isalnum())
        table[code] = ord(next(folded, "\0"))
    return table


@njit(cache=True, nogil=True)
def fill(utf8, ends, folding, ngram, rows, out):  # type: ignore[no-untyped-def]
    """Writes the bands of each text of a column of UTF-8 into ``out``."""
    bands = out.shape[1]
    size, bits = bands * rows, 64 // rows
    mask = (uint64(1) << uint64(bits)) - uint64(1)
    sketch = np.empty(size, np.uint64)
    longest = 1
    for text in range(len(out)):
        longest = max(longest, ends[text + 1] - ends[text])
    codes, grams = np.empty(longest, np.int64), np.empty(longest, np.uint64)
    for text in range(len(out)):
        length = fold(utf8, ends[text], ends[text + 1], folding, codes)
        count = hash_runs(codes, length, ngram, grams)
        _sketch(grams, count, sketch)
        for band in range(bands):
            value = uint64(0)
            for row in range(rows):
                value |= (sketch[band * rows + row] & mask) << uint64(bits * row)
            out[text, band] = value


@njit(cache=True, nogil=True)
def fold(utf8, start, end, folding, codes):  # type: ignore[no-untyped-def]
    """Decodes UTF-8 and folds each character."""
    length, at = 0, start
    while at < end:
        byte = int64(utf8[at])
        if byte < 0x80:
            code, at = byte, at + 1
        elif byte < 0xE0:
            code, at = (byte & 0x1F) << 6 | int64(utf8[at + 1]) & 0x3F, at + 2
        elif byte < 0xF0:
            code = (byte & 0x0F) << 12 | (int64(utf8[at + 1]) & 0x3F) << 6 | int64(utf8[at + 2]) & 0x3F
            at += 3
        else:
            code = (byte & 0x07) << 18 | (int64(utf8[at + 1]) & 0x3F) << 12
            code |= (int64(utf8[at + 2]) & 0x3F) << 6 | int64(utf8[at + 3]) & 0x3F
            at += 4
        if code < FIRST_ASTRAL:
            code = int64(folding[code])
        elif not 0x20000 <= code < 0x40000:  # in the other planes only Chinese characters count
            code = 0
        if code:
            codes[length] = code
            length += 1
    return length


@njit(cache=True, nogil=True)
def hash_runs(codes, length, ngram, grams):  # type: ignore[no-untyped-def]
    """Hashes each run of characters; a shorter text as a whole."""
    count = max(1, length - ngram + 1)
    for first in range(count):
        value = uint64(0)
        for at in range(first, min(first + ngram, length)):
            value = (value + uint64(codes[at] + 1)) * uint64(0x9E3779B97F4A7C15)
        grams[first] = value
    return count


@njit(cache=True, nogil=True)
def _mixed(value):  # type: ignore[no-untyped-def]
    """The finaliser of SplitMix64."""
    value = (value ^ (value >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> uint64(27))) * uint64(0x94D049BB133111EB)
    return value ^ (value >> uint64(31))


@njit(cache=True, nogil=True)
def _sketch(grams, count, sketch):  # type: ignore[no-untyped-def]
    """Throws the runs into the bins again and again until each holds one; the earliest round and least value stay."""
    size = len(sketch)
    filled_in = np.full(size, -1)
    empty, turn = size, 0
    while empty:
        seed = uint64(turn) * uint64(0xD1342543DE82EF95) + uint64(0x2545F4914F6CDD1D)
        for at in range(count):
            value = _mixed(grams[at] ^ seed)
            # after ``size`` rounds each further one fills one fixed bin, so that the loop ends
            place = ((value & uint64(0xFFFFFFFF)) * uint64(size)) >> uint64(32) if turn < size else uint64(turn - size)
            if filled_in[place] < 0:
                filled_in[place] = turn
                sketch[place] = value
                empty -= 1
            elif filled_in[place] == turn and value < sketch[place]:
                sketch[place] = value
        turn += 1
