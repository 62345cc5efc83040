"""Choices for a row that follow from a seed and its id alone, not from the order of reading."""

from common.hashing import sha256_text

POINTS = 1 << 64


def point(seed: int, *words: str) -> int:
    """A number below ``POINTS`` that follows from the seed and the words."""
    return int(sha256_text("\n".join([str(seed), *words]))[:16], 16)
