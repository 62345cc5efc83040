"""The prose that the mathematics base reads: true, repeatable, and nothing of what the recipes test."""

import re

import pytest

from common.command import read_config
from data_recipes.leakage.normalise import RUN, normalise, question, runs
from data_recipes.schema.example import Example
from data_recipes.sources.generated.word_problems import WordProblemsSource, read
from domains.mathematics.corpus import HELD_OUT, corpus
from domains.mathematics.expression import equations
from domains.mathematics.generate import is_kept_for_testing
from domains.mathematics.instructions import ASKING, FINAL
from training.stages.sft.config import SftConfig

SUMS = re.compile(r"(?:\d+[-+×÷]\d+=\d+。)+")


@pytest.fixture(scope="module")
def paragraphs() -> list[str]:
    return corpus()


@pytest.fixture(scope="module")
def source() -> WordProblemsSource:
    """What both recipes ask."""
    sources = []
    for recipe in ("math_qlora", "math_cot_qlora"):
        [config] = read_config("run", [f"recipe={recipe}"], SftConfig)
        assert isinstance(config.source, WordProblemsSource)
        sources.append(config.source)
    assert sources[0].model_copy(update={"steps": sources[1].steps}) == sources[1]
    return sources[0]


@pytest.fixture(scope="module")
def tested(source: WordProblemsSource) -> list[Example]:
    """Every item of the recipe's dataset that is not trained on."""
    items = [item for item in read(source) if isinstance(item, Example) and item.split != "train"]
    assert {item.split for item in items} == {"dev", "test", "unseen_kinds", "unseen_numbers", "distractors"}
    return items


def test_it_is_the_same_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domains.mathematics.corpus.PROBLEMS", 2000)
    monkeypatch.setattr("domains.mathematics.corpus.SUMS", 8000)
    paragraphs = corpus()
    assert len(paragraphs) > 3000 and corpus() == paragraphs


@pytest.mark.slow  # all of the prose
def test_no_question_that_is_tested_occurs_in_it(paragraphs: list[str], tested: list[Example]) -> None:
    text = normalise("".join(paragraphs))
    assert not [item.id for item in tested if normalise(question(item)) in text]


@pytest.mark.slow  # all of the prose
def test_no_run_of_13_characters_of_a_test_question_occurs_in_it(paragraphs: list[str], tested: list[Example]) -> None:
    seen = {run for paragraph in paragraphs for run in runs(normalise(paragraph), RUN)}
    # dev problems are worded as in training: their stories resemble those of the corpus
    assert not [item.id for item in tested if item.split != "dev" and runs(question(item), RUN) & seen]


def test_kinds_that_a_recipe_holds_out_are_held_out_here_too(source: WordProblemsSource) -> None:
    assert set(source.held_out_kinds) <= set(HELD_OUT)


def test_numbers_that_are_kept_for_testing_are_given_nowhere(paragraphs: list[str]) -> None:
    for paragraph in paragraphs:
        given = re.sub(r"=\d+", "", paragraph) if SUMS.fullmatch(paragraph) else paragraph.split("。")[0]
        assert not [number for number in re.findall(r"\d+", given) if is_kept_for_testing(number)], paragraph


def test_it_states_and_neither_asks_nor_answers(paragraphs: list[str]) -> None:
    text = "".join(paragraphs)
    assert not [mark for mark in ("？", "?", "\n", "<", *ASKING.values(), *FINAL.values()) if mark in text]


def test_every_equation_holds(paragraphs: list[str]) -> None:
    found = [equation for paragraph in paragraphs[::20] for equation in equations(paragraph)]
    assert len(found) > 1000 and all(equation.holds for equation in found)
