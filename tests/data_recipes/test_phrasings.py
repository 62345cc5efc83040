import re
from collections.abc import Iterator

import pytest

from data_recipes.leakage.normalise import RUN, normalise
from domains.knowledge_base import ATTRIBUTES
from domains.medical import phrasings
from domains.medical.phrasings import DEFINITION, UNKNOWN, WORDINGS, Wording


def all_wordings() -> Iterator[tuple[str, Wording]]:
    for table in (WORDINGS, UNKNOWN):
        for entry_type, wordings in table.items():
            for attribute, wording in wordings.items():
                yield f"{entry_type} {attribute}", wording
    yield from {"reverse": phrasings.REVERSE, "comparison": phrasings.COMPARISON}.items()
    yield "emergency", phrasings.EMERGENCY


@pytest.mark.parametrize(("name", "wording"), all_wordings(), ids=lambda value: value if isinstance(value, str) else "")
def test_a_wording_has_enough_phrasings_and_none_is_both_trained_and_kept(name: str, wording: Wording) -> None:
    training = {normalise(text) for _, text in wording.training()}
    testing = {normalise(text) for _, text in wording.testing()}
    assert len(training) >= 5 and len(testing) >= 2
    assert not training & testing


@pytest.mark.parametrize(("name", "wording"), all_wordings(), ids=lambda value: value if isinstance(value, str) else "")
def test_no_phrasing_has_a_run_that_the_overlap_check_would_find(name: str, wording: Wording) -> None:
    for _, text in [*wording.training(), *wording.testing()]:
        assert all(len(normalise(piece)) < RUN for piece in re.split(r"\{\w+\}", text)), text


def test_every_attribute_is_asked_about() -> None:
    assert {t: tuple(w) for t, w in WORDINGS.items()} == {t: (DEFINITION, *a) for t, a in ATTRIBUTES.items()}
