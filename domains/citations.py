"""Citations: ``【D001】`` after what rests on the entry ``D001``."""

import re
from collections.abc import Iterable

_CITATION = re.compile(r"【([A-Za-z]+\d+)】")


def marks(ids: Iterable[str]) -> str:
    """The citation of these entries, e.g. ``【D001】【D014】``."""
    return "".join(f"【{id}】" for id in ids)


def cited(text: str) -> set[str]:
    """Ids of the entries that a text cites."""
    return set(_CITATION.findall(text))
