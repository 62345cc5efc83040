"""Texts without the personal data that is found in them, for records; no proof that there is none (docs/screens.md)."""

from collections.abc import Sequence

from data_recipes.steps.names.running import running_names
from data_recipes.steps.personal_data import KINDS
from data_recipes.steps.personal_kind import find, masked
from data_recipes.steps.personal_text import read


def masked_texts(texts: Sequence[str]) -> list[str]:
    """The texts with placeholders like 【手机号】 for names, numbers and addresses, as training data has them.

    What the step ``personal_data`` finds, without its expressions over columns: to compile them takes longer than to
    search a few texts.
    """
    found = [find(read(text), KINDS) for text in texts]
    names = running_names(texts, found)
    return [
        masked(text, sorted([*values, *names.get(place, [])], key=lambda value: value.start))
        for place, (text, values) in enumerate(zip(texts, found, strict=True))
    ]
