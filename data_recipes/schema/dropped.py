"""The account of what was dropped."""

import re
from typing import NamedTuple

_PLACE = re.compile(r".+:\d+")


class Dropped(NamedTuple):
    """One row that did not become an example.

    Attributes:
        id: The id of its example; ``file:line`` of a row that is no example because it is damaged. Never the text.
        reason: One of a few fixed words that are counted.
        detail: What is wrong with a damaged row and what to do, where the reason does not say it; for the error that
            lists the first ones, and not in ``dropped.jsonl``.
    """

    id: str
    reason: str
    detail: str = ""

    @property
    def bad(self) -> bool:
        """Whether the row is damaged, and counts for ``data.max_bad_share``."""
        return _PLACE.fullmatch(self.id) is not None
