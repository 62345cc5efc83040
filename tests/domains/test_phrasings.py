"""Every domain's wordings: enough of them, none both trained and tested, and one for every attribute."""

import re
from collections.abc import Iterator

import pytest

from data_recipes.leakage.normalise import RUN, normalise
from domains.domain import DOMAINS, find_domain
from domains.knowledge import Knowledge
from domains.medical import phrasings as medical
from domains.wording import DEFINITION, Wording

KNOWLEDGE = {name: knowledge for name in DOMAINS if (knowledge := find_domain(name).knowledge) is not None}


def all_wordings() -> Iterator[tuple[str, Wording]]:
    for name, knowledge in KNOWLEDGE.items():
        for table in (knowledge.phrasebook.wordings, knowledge.phrasebook.unknown):
            for entry_type, wordings in table.items():
                for attribute, wording in wordings.items():
                    yield f"{name} {entry_type} {attribute}", wording
    yield from {"reverse": medical.REVERSE, "comparison": medical.COMPARISON}.items()
    yield "emergency", medical.EMERGENCY


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


@pytest.mark.parametrize("knowledge", KNOWLEDGE.values(), ids=KNOWLEDGE)
def test_every_attribute_is_asked_about(knowledge: Knowledge) -> None:
    attributes = {of.name: (DEFINITION, *of.attributes) for of in knowledge.schema.types}
    assert {name: tuple(wordings) for name, wordings in knowledge.phrasebook.wordings.items()} == attributes


@pytest.mark.parametrize("knowledge", KNOWLEDGE.values(), ids=KNOWLEDGE)
def test_entities_are_held_out_of_types_that_there_are(knowledge: Knowledge) -> None:
    assert knowledge.phrasebook.pointers
    for table in (knowledge.phrasebook.pointers, knowledge.phrasebook.unknown, knowledge.phrasebook.invented):
        assert set(table) <= set(knowledge.schema.by_name)
