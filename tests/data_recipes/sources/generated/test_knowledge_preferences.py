"""Pairs of a knowledge base: training and dev have a worse answer; the tests are its instructions, most with one."""

from common.command import read_config
from data_recipes.config import BuildConfig
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.sources import source_of

FEW = "data.splits={train: 900, dev: 20, heldout_phrasing: 30, unseen_entity: 20, safety: 20}"


def written(data: str) -> list[Example | Dropped]:
    [config] = read_config("build", [f"data={data}", FEW, "out=unused"], BuildConfig)
    return [item for item in source_of(config.source).read(config.source) if isinstance(item, Example | Dropped)]


def test_training_and_dev_are_pairs_and_the_tests_are_those_of_the_instructions() -> None:
    pairs, single = written("medical_preferences"), written("medical")
    kept = [item for item in pairs if isinstance(item, Example)]
    assert all(item.rejected for item in kept if item.split in ("train", "dev"))
    tested = [item for item in kept if item.split not in ("train", "dev")]
    assert len(tested) / 2 < sum(bool(item.rejected) for item in tested) < len(tested)
    assert all(item.rejected != item.answer for item in kept)
    assert len(pairs) == len(single)  # every row is kept or accounted for
    dropped = {item.reason for item in pairs if isinstance(item, Dropped)} - {
        item.reason for item in single if isinstance(item, Dropped)
    }
    assert dropped == {"no_worse_answer"}
    tests = [
        [(item.id, item.messages) for item in items if isinstance(item, Example) and item.split not in ("train", "dev")]
        for items in (pairs, single)
    ]
    assert tests[0] == tests[1]


def test_the_card_says_that_the_worse_answers_are_made_by_rule() -> None:
    [config] = read_config("build", ["data=medical_preferences", "out=unused"], BuildConfig)
    about = source_of(config.source).about
    assert "由规则造出" in about.zh and "made by rule" in about.en and "医学问答" in about.zh
