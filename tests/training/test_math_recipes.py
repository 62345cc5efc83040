"""The mathematics recipes: what they configure, and that their data can be built and judged."""

import pytest

from common.command import read_config
from common.errors import UserError
from data_recipes.schema.example import Example
from data_recipes.sources.generated.word_problems import WordProblemsSource, read
from domains.mathematics.answers import is_checkable, is_right
from training.stages.sft.config import SftConfig


@pytest.mark.parametrize(("recipe", "steps"), [("math_qlora", "none"), ("math_cot_qlora", "asked")])
def test_every_item_of_a_recipe_ends_in_an_answer_that_can_be_checked(recipe: str, steps: str) -> None:
    small = [f"data.splits.{name}=20" for name in ("train", "dev", "test", "unseen_kinds", "unseen_numbers")]
    [config] = read_config("run", [f"recipe={recipe}", *small], SftConfig)
    assert isinstance(config.source, WordProblemsSource) and config.source.steps == steps
    items = list(read(config.source))
    assert len(items) == 5 * 20 + config.source.sizes.distractors
    for item in items:
        assert isinstance(item, Example)
        assert is_checkable(item.result) and is_right(item.answer, item.result)
        assert (len(item.messages), "\n" in item.answer) == ((3, True) if steps == "asked" else (2, False))


def test_the_embedded_base_of_a_recipe_reads_mathematics_and_that_of_the_others_medicine() -> None:
    corpora = {}
    for recipe in ("math_qlora", "math_cot_qlora", "medical_qlora", "medical_ptuning_v2"):
        [config] = read_config("run", [f"recipe={recipe}"], SftConfig)
        assert config.model.embedded
        corpora[recipe] = config.model.embedded.corpus or config.domain
    assert list(corpora.values()) == ["mathematics", "mathematics", "medical", "medical"]


def test_a_corpus_that_does_not_exist_is_named_with_those_that_there_are() -> None:
    with pytest.raises(UserError, match=r"(?s)model\.embedded\.corpus.*mathematics.*medical"):
        read_config("run", ["recipe=math_qlora", "model.embedded.corpus=maths"], SftConfig)
