"""Texts that readers see in Chinese and English."""

from typing import NamedTuple


class Text(NamedTuple):
    """The same in both languages."""

    zh: str
    en: str
