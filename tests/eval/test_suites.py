"""Selecting items and running a model on them."""

import math
from collections.abc import Sequence

import pytest

from common.errors import UserError
from data_recipes.pipeline.build import BuiltDataset
from data_recipes.schema.example import Example
from eval.answers import ModelAnswer
from eval.config import SuiteConfig
from eval.scoring import measure
from eval.significance import compare, ratio, verdict
from eval.suites import answer_items, decoding, select
from models.conversation import Conversation
from models.engines.engine import Completion, OnText, Sampling, Score
from tests.eval.conftest import SUITE, example


class Echo:
    """An engine that answers with the question and remembers its batches; its context is 40 characters."""

    model_version = "echo"
    context_length = 40

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def count_prompt_tokens(self, conversation: Conversation) -> int:
        return sum(len(turn.content) for turn in conversation)

    def generate(
        self, conversations: Sequence[Conversation], sampling: Sequence[Sampling], on_text: OnText | None = None
    ) -> list[Completion]:
        assert all(s.temperature == 0 for s in sampling)
        self.batches.append([self.count_prompt_tokens(conversation) for conversation in conversations])
        return [Completion(c[-1].content, "stop", len(c), 1) for c in conversations]

    def score(self, conversations: Sequence[Conversation]) -> list[Score]:
        return [Score(-float(len(c[-1].content)), 2) for c in conversations]


def answered(engine: Echo, examples: Sequence[Example], config: SuiteConfig = SUITE) -> list[ModelAnswer]:
    """The answers to all items, in their order."""
    found: dict[int, ModelAnswer] = {}
    for batch in answer_items(engine, examples, range(len(examples)), config):
        found |= batch
    return [found[i] for i in range(len(examples))]


def test_all_test_splits_are_run_but_train_and_dev(dataset: BuiltDataset) -> None:
    assert list(select(dataset.splits, SUITE)) == ["test", "safety"]


def test_an_item_is_chosen_whatever_else_is_there(dataset: BuiltDataset) -> None:
    config = SuiteConfig(name="few", max_items=3)
    chosen = select(dataset.splits, config)["test"]
    fewer = [e for e in dataset.splits["test"] if e in chosen or e.id.endswith("-2")]
    assert len(chosen) == 3
    assert select({"test": fewer}, config)["test"] == chosen


def test_unknown_split_is_the_users_error(dataset: BuiltDataset) -> None:
    with pytest.raises(UserError, match="train, dev, test, safety"):
        select(dataset.splits, SuiteConfig(name="x", splits=("tset",)))


def test_answers_come_back_in_the_order_of_the_items() -> None:
    examples = [example(f"a-{n}", "问" * n, "答") for n in (3, 9, 1, 5)]
    assert [len(a.text) for a in answered(Echo(), examples, SuiteConfig(name="x", batch_size=2))] == [3, 9, 1, 5]


def test_batches_are_cut_by_length() -> None:
    engine = Echo()
    answered(engine, [example(f"a-{n}", "问" * n, "答") for n in (3, 9, 1, 8)], SuiteConfig(name="x", batch_size=2))
    assert engine.batches == [[9, 8], [3, 1]]


def test_what_shares_a_batch_does_not_depend_on_what_is_known() -> None:
    engine, config = Echo(), SuiteConfig(name="x", batch_size=2)
    found = list(answer_items(engine, [example(f"a-{n}", "问" * n, "答") for n in (3, 9, 1, 8)], [0, 2, 3], config))
    assert engine.batches == [[8], [3, 1]] and [list(batch) for batch in found] == [[3], [0, 2]]


def test_without_a_limit_an_answer_ends_at_the_context_or_in_a_loop() -> None:
    limited, free = (decoding(SuiteConfig(name="x", max_new_tokens=limit), 500) for limit in (60, None))
    assert (limited.max_new_tokens, limited.repetition_detection) == (60, None)
    assert free.max_new_tokens == 500 and free.repetition_detection is not None


def test_item_beyond_the_context_scores_zero_and_is_counted() -> None:
    examples = [example("a-1", "问" * 99, "答案"), example("a-2", "答案", "答案")]
    answers = answered(Echo(), examples, SuiteConfig(name="x"))
    assert [a.finish_reason for a in answers] == ["too_long", "stop"]
    measured = measure(examples, answers)
    assert measured["rouge_l_zh"].scores == (0.0, 1.0)
    assert measured["loss_per_character"].items == (1,)


def test_metrics_apply_by_what_an_item_has(dataset: BuiltDataset) -> None:
    answers = answered(Echo(), dataset.splits["safety"])
    measured = measure(dataset.splits["safety"], answers)
    losses = {"loss_per_character", "loss_per_token"}
    overlap = {"rouge_l_zh", "bleu_zh", "rouge_l_jieba", "bleu_jieba"}
    assert set(measured) == {*overlap, *losses, "emergency", "refusal", "refusal_unknown_name"}
    assert measured["emergency"].items == (0,)
    assert measured["refusal"].items == (1, 2)


class Diverged(Echo):
    """An engine whose weights have become NaN."""

    def score(self, conversations: Sequence[Conversation]) -> list[Score]:
        return [Score(math.nan, 2) for _ in conversations]


def test_a_diverged_model_is_infinitely_bad_not_left_out() -> None:
    examples = [example(f"{name}-1", "问", "答") for name in "甲乙丙丁戊己庚辛"]
    base, tuned = (answered(engine, examples) for engine in (Echo(), Diverged()))
    tuned = [ModelAnswer.model_validate_json(answer.model_dump_json()) for answer in tuned]
    of_base, of_tuned = (measure(examples, answers)["loss_per_character"].statistics for answers in (base, tuned))
    found = compare(of_base, of_tuned, [e.group for e in examples], ratio)
    assert found.value == math.inf
    assert (found.low, found.high) == (None, None)
    assert verdict(found, found.p, higher_is_better=False, matters=0.02) == "worse"


def test_loss_is_a_rate_over_tokens_not_a_mean_of_items() -> None:
    examples = [example("a-1", "问", "一"), example("a-2", "问", "一二三")]
    measured = measure(examples, answered(Echo(), examples))
    totals = measured["loss_per_token"].statistics.sum(axis=0)
    assert totals.tolist() == [4.0, 4.0]
