"""How much memory a process has used at most, and since when."""

from common.machine import forget_peak_memory, peak_memory

MANY = 2**27


def test_the_peak_is_forgotten_with_what_was_freed_before() -> None:
    bytearray(MANY)
    forget_peak_memory()
    before = peak_memory()
    kept = bytearray(b"1") * MANY
    during = peak_memory()
    del kept
    assert during - before > 0.9 * MANY and peak_memory() > 0.9 * during
    forget_peak_memory()
    assert peak_memory() < during - 0.9 * MANY
