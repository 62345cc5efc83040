"""What would stop the event loop, and with it everybody: looking through loaded models for garbage, and other threads.

Measured with ``benchmarks/serving/crowd.py``; why it is so: docs/decisions/0180.
"""

import gc
import sys

SECONDS_OF_A_THREAD = 0.001
"""After which a thread that computes in Python lets another one go on. The event loop waits so long after each read and
write; with Python's 5 ms a probe beside two such threads took four times as long."""


FULL_SEARCHES = 100
"""Searches of younger objects for one of all. Ten times Python's number: a crowd's connections are 100,000 objects."""


def make_pauses_short() -> None:
    """Before the service listens, when the first model is loaded."""
    sys.setswitchinterval(SECONDS_OF_A_THREAD)
    young, older, _ = gc.get_threshold()
    gc.set_threshold(young, older, FULL_SEARCHES)
    free_unused()


def keep_loaded() -> None:
    """Leaves what is loaded now out of all further searches for garbage.

    Libraries, patterns and entries are a million objects that stay; each full search would go through all of them, for
    half a second in which no thread runs.
    """
    gc.freeze()


def free_unused() -> None:
    """Frees what is no longer used, cycles of a closed model too; one full search."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
