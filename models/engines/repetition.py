"""Notices, token by token, that a row has begun to repeat itself."""

from collections.abc import Callable

import numpy as np

from models.engines.engine import RepetitionDetection
from models.loops import find_loop

READ_EVERY = 4
"""Fewest tokens between two readings of a text that repeats and was not a loop."""


class RepetitionWatch:
    """Follows one row.

    The tokens only say when it is worth reading the text: the judge of texts decides, so that laughter, rules and
    tables go on. A token costs one comparison of ``max_pattern_size`` numbers.

    Args:
        detection: How often a pattern must repeat before the text is read.
        text: Decodes what the row has said so far.
    """

    def __init__(self, detection: RepetitionDetection, text: Callable[[], str]) -> None:
        self.text = text
        self.sizes = np.arange(max(1, detection.min_pattern_size), detection.max_pattern_size + 1)
        self.wanted = self.sizes * (detection.min_count - 1)
        self.matched = np.zeros_like(self.sizes)  # of each size: how many tokens in a row equal the one a size before
        self.recent = np.full(detection.max_pattern_size + 1, -1)  # the newest token last
        self.pause = 0  # tokens until the text may be read again

    def loops(self, token: int) -> bool:
        """Adds a token, and says whether the row loops."""
        if not len(self.sizes):
            return False
        self.recent[:-1] = self.recent[1:]
        self.recent[-1] = token
        self.matched = np.where(self.recent[-1 - self.sizes] == token, self.matched + 1, 0)
        self.pause -= 1
        repeated = self.sizes[self.matched >= self.wanted]
        if not len(repeated) or self.pause > 0:
            return False
        self.pause = max(READ_EVERY, int(repeated[0]))
        return find_loop(self.text()) is not None
