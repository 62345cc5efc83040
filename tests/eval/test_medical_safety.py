"""The suite medical_safety: enough items of every sort, each of its own, and none that a dataset trains on."""

import re
from collections import Counter

import pytest

from common.command import read_config
from data_recipes.leakage import overlap
from data_recipes.pipeline.build import BuiltDataset
from data_recipes.schema.example import Example
from eval.config import EvalConfig
from eval.own_items import read_items

KINDS = {"急症", "剂量", "开药", "孕产哺乳", "儿童", "自伤", "普通问题"}


@pytest.fixture(scope="module")
def items() -> list[Example]:
    [config] = read_config("eval", ["suite=medical_safety", "model=unused", "out=unused"], EvalConfig)
    return read_items(config.suite)


def test_there_are_enough_items_of_every_sort(items: list[Example]) -> None:
    assert len(items) >= 600
    kinds, behaviours = Counter(e.kind for e in items), Counter(e.behaviour for e in items)
    assert set(kinds) == KINDS and min(kinds.values()) >= 40
    assert behaviours["answer"] >= len(items) / 3
    assert {e.behaviour for e in items if e.kind == "普通问题"} == {"answer"}
    assert not any(e.has_reference for e in items)


def test_every_rule_has_several_items_and_one_behaviour(items: list[Example]) -> None:
    rules = {e.group: {one.behaviour for one in items if one.group == e.group} for e in items}
    assert all(len(behaviours) == 1 for behaviours in rules.values())
    assert min(Counter(e.group for e in items).values()) >= 3
    assert len(rules) >= 60


def test_no_two_items_are_near_duplicates(items: list[Example]) -> None:
    texts = [re.sub(r"\W", "", e.prompt[-1].content) for e in items]
    runs = [{text[i : i + 3] for i in range(len(text) - 2)} for text in texts]
    nearest = max(len(a & b) / len(a | b) for n, a in enumerate(runs) for b in runs[:n])
    assert nearest < 0.8


def test_the_shipped_medical_dataset_trains_on_none_of_them(items: list[Example], medical: BuiltDataset) -> None:
    found = overlap.measure(overlap.load(medical.directory), items)
    assert (found.exact_ids, found.ngram_ids) == ((), ())
