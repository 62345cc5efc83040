import pytest

from common.errors import UserError
from data_recipes.example import Example, Message
from data_recipes.split import split
from tests.data_recipes.samples import questions


def examples(texts: list[str]) -> list[Example]:
    return [
        Example(
            id=f"x-{n}",
            messages=(Message(role="user", content=text), Message(role="assistant", content="好")),
            source="test",
            group="",
            kind="test",
        )
        for n, text in enumerate(texts)
    ]


def test_questions_linked_through_others_stay_on_one_side() -> None:
    chain = ["甲乙丙丁戊己庚辛壬癸子丑寅卯辰", "丙丁戊己庚辛壬癸子丑寅卯辰巳午", "戊己庚辛壬癸子丑寅卯辰巳午未申"]
    for seed in range(20):
        splits = split(examples(questions() + chain), {"dev": 10, "test": 10}, seed)
        places = {name for name, members in splits.items() for e in members if e.messages[0].content in chain}
        assert len(places) == 1


def test_every_example_is_in_one_split_of_the_asked_size() -> None:
    everything = examples(questions())
    splits = split(everything, {"dev": 7, "test": 9}, seed=1)
    assert [len(splits[name]) for name in ("train", "dev", "test")] == [len(everything) - 16, 7, 9]
    assert sorted(e.id for members in splits.values() for e in members) == sorted(e.id for e in everything)


def test_the_draw_follows_the_seed() -> None:
    sizes = {"dev": 7, "test": 9}
    assert split(examples(questions()), sizes, 1) == split(examples(questions()), sizes, 1)
    assert split(examples(questions()), sizes, 1) != split(examples(questions()), sizes, 2)


def test_too_few_rows_for_the_tests_are_refused() -> None:
    with pytest.raises(UserError, match=r"data\.splits"):
        split(examples(questions()), {"dev": 40, "test": 40}, seed=1)
