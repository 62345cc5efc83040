"""Pairs: the same prompt, two answers, of which the answers alone are supervised."""

import pytest
import torch

from common.errors import UserError
from data_recipes.schema.example import Example
from models.prompt_format import PromptFormat
from tests.training.conftest import MakeConfig
from training.base import find_base
from training.batches.packing import IGNORED
from training.batches.pairs import REFERENCE, PairRow, PairRows, collate_pairs, pair_up
from training.config import TrainConfig

CONFIG = TrainConfig(max_length=64, packing=False)


@pytest.fixture
def prompt_format(make_config: MakeConfig) -> PromptFormat:
    return find_base(make_config()).prompt_format


@pytest.fixture
def pairs(examples: list[Example]) -> list[Example]:
    return [example.model_copy(update={"rejected": f"不知道{i}。"}) for i, example in enumerate(examples)]


def test_both_answers_follow_the_same_prompt_and_alone_are_supervised(
    pairs: list[Example], prompt_format: PromptFormat
) -> None:
    found = pair_up(pairs, prompt_format, CONFIG, "train")
    assert len(found.pairs) == len(pairs) and found.record.sequences == 2 * len(pairs)
    for example, (better, worse) in zip(pairs, found.pairs, strict=True):
        prompt = prompt_format.render_prompt(example.prompt)
        assert better.ids[: len(prompt)] == worse.ids[: len(prompt)] == prompt
        for sequence, text in ((better, example.answer), (worse, example.rejected)):
            assert sequence.mask == [0] * len(prompt) + [1] * (len(sequence.ids) - len(prompt))
            assert prompt_format.decode(sequence.ids[len(prompt) :]) == text


def test_examples_without_a_worse_answer_are_refused(
    pairs: list[Example], examples: list[Example], prompt_format: PromptFormat
) -> None:
    mixed = [*pairs[:3], examples[5]]
    with pytest.raises(UserError, match=r"1 of 4 examples have no worse answer(?s:.*)e5(?s:.*)data=feedback"):
        pair_up(mixed, prompt_format, CONFIG, "train")


def test_a_pair_is_dropped_and_counted_where_either_answer_is_too_long(
    pairs: list[Example], prompt_format: PromptFormat
) -> None:
    long = pairs[0].model_copy(update={"rejected": "很长。" * 60})
    config = CONFIG.model_copy(update={"max_dropped_share": 0.1})
    found = pair_up([long, *pairs[1:]], prompt_format, config, "train")
    assert found.dropped == [long.id] and found.record.dropped == {"over_length": 1}
    with pytest.raises(UserError, match=r"longer than train\.max_length=64"):
        pair_up([long, *pairs[1:]], prompt_format, CONFIG.model_copy(update={"over_length": "error"}), "train")


def test_rows_are_better_and_worse_in_turn_with_their_references(
    pairs: list[Example], prompt_format: PromptFormat
) -> None:
    found = pair_up(pairs[:3], prompt_format, CONFIG, "train").pairs
    references = torch.tensor([[-1.0, -2.0], [-3.0, -4.0], [-5.0, -6.0]])
    rows = PairRows(found, references)
    batch = collate_pairs([rows[0], rows[2]])
    assert batch[REFERENCE].tolist() == [-1, -2, -5, -6]
    for row, sequence in enumerate((*found[0], *found[2])):
        assert batch["input_ids"][row][: len(sequence.ids)].tolist() == sequence.ids
        labels = batch["labels"][row]
        assert labels[labels != IGNORED].tolist() == [i for i, m in zip(sequence.ids, sequence.mask, strict=True) if m]
    assert REFERENCE not in collate_pairs([PairRow(found[0], None)])
