"""Image prompts: the validator knows right from wrong, the source writes only right ones."""

from pathlib import Path

import pytest

from data_recipes.dataset.dataset import load
from data_recipes.schema.arrow import to_table
from data_recipes.schema.example import Example, Message
from data_recipes.steps.image_prompt_format import ImagePromptFormatStep, make
from domains.image_prompts.format import is_image_prompt, parsed, problems, same_parameters
from tests.data_recipes.conftest import Run

RIGHT = "a red lighthouse by the sea, oil painting, soft light --ar 16:9 --v 6 --stylize 250 --no text, people"


def test_a_right_prompt_has_no_problems_and_short_names_mean_the_same() -> None:
    assert problems(RIGHT) == [] and is_image_prompt(RIGHT)
    assert parsed("a red lighthouse --s 250").parameters == (("stylize", "250"),)
    assert not is_image_prompt("多喝水。") and not is_image_prompt("a lighthouse by the sea")


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("a red lighthouse --v 6 --ar 16:9", "wrong_order"),
        ("a red lighthouse --ar 16:9 --ar 1:1", "repeated_parameter"),
        ("a red lighthouse --s 100 --stylize 200", "repeated_parameter"),
        ("a red lighthouse --ar 16x9", "wrong_value"),
        ("a red lighthouse --ar 9:1", "wrong_value"),
        ("a red lighthouse --stylize 1001", "wrong_value"),
        ("a red lighthouse --chaos ５", "wrong_value"),
        ("a red lighthouse --tile yes", "wrong_value"),
        ("a red lighthouse --v", "wrong_value"),
        ("a red lighthouse --colour red", "unknown_parameter"),
        ("a red lighthouse --niji 6 --v 6", "two_versions"),
        ("a red lighthouse —ar 16:9", "dash_instead_of_hyphens"),
        ("一座红色的灯塔 --ar 16:9", "not_english"),
        ("--ar 16:9", "no_description"),
        ("", "no_description"),
        ("a red lighthouse, A red lighthouse --v 6", "repeated_phrase"),
        ("a red lighthouse,, sea --v 6", "repeated_phrase"),
        ("a lighthouse in Blood --v 6", "banned_word"),
        ("Here you are:\na red lighthouse --v 6", "several_lines"),
        ("a " * 501, "too_long"),
    ],
)
def test_each_flaw_is_found(text: str, flaw: str) -> None:
    assert flaw in problems(text)


def test_a_banned_word_inside_another_word_is_none() -> None:
    assert problems("a bloodhound in a garden --v 6") == []


def row(id: str, answer: str) -> Example:
    turns = (Message(role="user", content="画"), Message(role="assistant", content=answer))
    return Example(id=id, messages=turns, source="s", group=id, kind="k")


def test_the_step_drops_what_breaks_the_format_and_says_why() -> None:
    step = make(ImagePromptFormatStep(kind="image_prompt_format"))
    outcome = step(to_table([row("a", RIGHT), row("b", "a red lighthouse --ar 0:1")]))
    assert outcome.kept["id"].to_pylist() == ["a"]
    assert [dropped[:2] for dropped in outcome.dropped] == [("b", "image_prompt_wrong_value")]


def test_parameters_are_compared() -> None:
    assert same_parameters("x y --ar 1:1 --v 6", "x y --ar 1:1 --v 5") == pytest.approx(1 / 3)


@pytest.mark.slow
def test_thousands_of_distinct_right_rows_without_overlap_and_the_same_again(build: Run, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert build("data=image_prompt", f"out={tmp_path / name}") == 0
    built = load(tmp_path / "one")
    assert built.manifest.sha256 == load(tmp_path / "two").manifest.sha256
    rows = [example for examples in built.splits.values() for example in examples]
    assert len({example.answer for example in rows}) == len(rows) >= 2000
    assert all(is_image_prompt(example.answer) for example in rows)
    assert all(overlap.exact == overlap.ngram == 0 for overlap in built.manifest.overlap.values())
    held_out = {example.answer.split(" in ")[0] for example in built.splits["unseen_subject"]}
    assert not held_out & {example.answer.split(" in ")[0] for example in built.splits["train"]}


def test_more_rows_than_there_are_combinations_is_an_error_not_a_loop(
    build: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "data_recipes.sources.generated.image_prompt._composed", lambda *_: ("画", "a b --v 6", "plain")
    )
    assert build("data=image_prompt", f"out={tmp_path / 'out'}") == 2
    assert not (tmp_path / "out").exists()
