"""The stream of problems: reproducible, without repeats, and what is kept for testing stays out of training."""

import re
from itertools import islice

import pytest

from common.errors import UserError
from data_recipes.leakage.normalise import question
from data_recipes.schema.example import Example
from data_recipes.sources.generated import word_problems
from data_recipes.sources.generated.word_problems import WordProblemSizes, WordProblemsSource
from domains.mathematics.answers import is_right
from domains.mathematics.generate import Stream, has_seen_numbers, has_unseen_number, is_kept_for_testing
from domains.mathematics.kinds import KINDS
from tests.data_recipes.samples import shared_runs

SIZES = WordProblemSizes(train=900, dev=60, test=120, unseen_kinds=60, unseen_numbers=120, distractors=120)
HELD_OUT = ("植树", "浓度", "找零")


def config(**changes: object) -> WordProblemsSource:
    values = {
        "kind": "word_problems",
        "sizes": SIZES,
        "grades": (1, 2, 3, 4, 5, 6),
        "held_out_kinds": HELD_OUT,
        "distractor_share": 0.0,
        "steps": "asked",
        "seed": 3,
    }
    return WordProblemsSource.model_validate(values | changes)


def written(**changes: object) -> dict[str, list[Example]]:
    splits: dict[str, list[Example]] = {}
    for item in word_problems.read(config(**changes)):
        assert isinstance(item, Example)
        splits.setdefault(item.split, []).append(item)
    return splits


@pytest.fixture(scope="module")
def splits() -> dict[str, list[Example]]:
    return written()


def test_the_sizes_are_kept_and_no_two_problems_are_equal(splits: dict[str, list[Example]]) -> None:
    assert {name: len(examples) for name, examples in splits.items()} == SIZES.model_dump()
    everything = [question(example) for examples in splits.values() for example in examples]
    assert len(set(everything)) == len(everything)
    assert all(is_right(example.answer, example.result) for examples in splits.values() for example in examples)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_problems_and_another_seed_others(splits: dict[str, list[Example]]) -> None:
    assert written() == splits
    assert written(seed=4)["train"] != splits["train"]


def test_held_out_kinds_are_asked_in_their_split_alone(splits: dict[str, list[Example]]) -> None:
    for name, examples in splits.items():
        kinds = {example.kind for example in examples}
        assert kinds == set(HELD_OUT) if name == "unseen_kinds" else not kinds & set(HELD_OUT)


def test_some_numbers_are_given_in_no_training_problem(splits: dict[str, list[Example]]) -> None:
    stream = Stream(1)
    trained = list(stream.write("train", 300, KINDS, has_seen_numbers, in_training=True))
    unseen = list(stream.write("unseen", 300, KINDS, has_unseen_number))
    numbers = {n for problem in trained for n in word_numbers(problem.question)}
    assert all(word_numbers(problem.question) - numbers for problem in unseen)
    assert is_kept_for_testing("37") and is_kept_for_testing("3.7") and not is_kept_for_testing("4")


def word_numbers(text: str) -> set[str]:
    return {n for n in re.findall(r"\d+(?:\.\d+)?", text) if is_kept_for_testing(n)}


def test_an_aside_changes_the_question_and_not_the_answer() -> None:
    with_asides = list(Stream(2).write("x", 200, KINDS, has_seen_numbers, aside_share=1))
    for problem in with_asides:
        before, _, after = problem.question.partition("。")
        assert before == problem.problem.story and after.endswith(problem.problem.ask)
        assert len(after) > len(problem.problem.ask)
    some = list(Stream(2).write("x", 400, KINDS, has_seen_numbers, aside_share=0.25))
    assert 60 < sum(problem.question != problem.problem.text for problem in some) < 140


def test_test_problems_are_worded_as_training_never_does(splits: dict[str, list[Example]]) -> None:
    seen = {run for example in splits["train"] for run in shared_runs(question(example))}
    for name in ("test", "unseen_numbers", "unseen_kinds", "distractors"):
        overlapping = [example for example in splits[name] if shared_runs(question(example)) & seen]
        assert len(overlapping) <= 0.02 * len(splits[name])


def test_problems_are_written_as_they_are_asked_for() -> None:
    endless = word_problems.read(config(sizes=SIZES.model_copy(update={"train": 10**12})))
    assert [item.id for item in islice(endless, 2)] == ["word_problems-train-1", "word_problems-train-2"]


def test_more_problems_than_there_are_is_an_error_that_says_how_many() -> None:
    few = [kind for kind in KINDS if kind.name == "方阵"]
    with pytest.raises(UserError, match=r"give only 56 different problems instead of 1000"):
        list(Stream(1).write("train", 1000, few, lambda problem: "士兵" in problem.text))


def test_an_unknown_kind_is_named_with_those_that_there_are() -> None:
    with pytest.raises(UserError, match=r"鸡鸭同笼(.|\n)*鸡兔同笼"):
        written(held_out_kinds=("鸡鸭同笼",))
