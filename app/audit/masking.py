"""Texts without the personal data that is found in them, for records; no proof that there is none (docs/screens.md)."""

from collections.abc import Sequence

import polars as pl

from data_recipes.steps.personal_data import KINDS, find_all
from data_recipes.steps.personal_kind import masked


def masked_texts(texts: Sequence[str]) -> list[str]:
    """The texts with placeholders like 【手机号】 for names, numbers and addresses, as training data has them."""
    found = find_all(pl.Series(list(texts), dtype=pl.String), KINDS)
    return [masked(text, found.get(place, [])) for place, text in enumerate(texts)]
