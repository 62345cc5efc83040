"""Demonstrations: solved items before a question."""

from typing import Literal

Choice = Literal["fixed", "random", "similar"]
"""How they are chosen; see ``data_recipes/sources/derived/demonstrations.py``."""
