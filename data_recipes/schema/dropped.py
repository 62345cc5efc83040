"""The account of what was dropped."""

import re
from typing import NamedTuple

_PLACE = re.compile(r".+:\d+")


class Dropped(NamedTuple):
    """One row that did not become an example.

    Attributes:
        id: The id of its example; ``file:line`` of a row that is no example because it is damaged. Never the text.
        reason: One of a few fixed words that are counted.
    """

    id: str
    reason: str

    @property
    def bad(self) -> bool:
        """Whether the row is damaged, and counts for ``data.max_bad_share``."""
        return _PLACE.fullmatch(self.id) is not None
