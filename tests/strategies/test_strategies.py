"""Strategies: what they ask, how often, and which text they take for the answer."""

import json
from collections.abc import Callable, Sequence

import pytest

from common.command import read_config
from common.errors import UserError
from data_recipes.schema.example import Example
from eval.answers import ModelAnswer
from eval.config import EvalConfig, SuiteConfig
from eval.shots import with_shots
from eval.solving import solve_together
from eval.suites import solving
from strategies import STRATEGIES
from strategies.strategy import ModelCall
from tests.eval.conftest import example

SUM = example("s-1", "3+4等于几？", "答案：7", result="7")


def suite(strategy: object) -> SuiteConfig:
    return SuiteConfig.model_validate({"name": "x", "strategy": strategy, "seed": 7})


def asked_and_answered(
    strategy: object, say: Callable[[str, int], str], items: Sequence[Example] = (SUM,)
) -> tuple[list[list[ModelCall]], list[ModelAnswer]]:
    """The rounds of requests, and the answers of a model that says what ``say`` returns for a question and a number."""
    rounds: list[list[ModelCall]] = []

    def ask(requests: Sequence[ModelCall]) -> list[ModelAnswer]:
        rounds.append(list(requests))
        texts = [say(one.messages[-1].content, number) for number, one in enumerate(requests)]
        return [ModelAnswer(text=text, tokens=len(text), prompt_tokens=9, seconds=0.5) for text in texts]

    return rounds, solve_together([solving(item, suite(strategy)) for item in items], ask)


def test_every_file_is_in_the_table_and_has_its_word() -> None:
    assert set(STRATEGIES) == {
        *("zero_shot", "few_shot", "chain_of_thought", "self_consistency", "prompt_ensemble", "least_to_most"),
        "tree_of_thoughts",
    }
    assert [suite(name).strategy.name for name in STRATEGIES] == list(STRATEGIES)
    words = ["suite.strategy.name=tree_of_thoughts", "suite.strategy.breadth=2", "model=x", "out=y"]
    [config] = read_config("eval", words, EvalConfig)
    assert config.suite.strategy.model_dump()["breadth"] == 2


def test_zero_shot_asks_the_question_once() -> None:
    rounds, [answer] = asked_and_answered("zero_shot", lambda question, _: "7")
    assert rounds == [[ModelCall(SUM.prompt)]]
    assert (answer.text, answer.calls, answer.tokens, answer.prompt_tokens) == ("7", 1, 1, 9)


def test_a_chain_of_thought_is_asked_for_and_keeps_the_system_turn() -> None:
    item = Example.model_validate(
        {**SUM.model_dump(), "messages": ({"role": "system", "content": "资料"}, *SUM.model_dump()["messages"])}
    )
    [[request]], _ = asked_and_answered("chain_of_thought", lambda question, _: "7", [item])
    assert request.messages[0].content == "资料"
    assert request.messages[-1].content.startswith("3+4等于几？") and "一步一步" in request.messages[-1].content
    assert request.temperature == 0


@pytest.mark.parametrize(
    ("said", "elected"),
    [
        (["答案：8", "答案：7元", "3加4，答案：七"], "答案：7元"),  # 7 in two ways of writing it
        (["我不知道", "答案：7", "答案：8"], "我不知道"),  # one vote each: the earliest
        (["不清楚", "不清楚", "答案：8"], "不清楚"),
    ],
)
def test_chains_vote_by_their_final_answers(said: list[str], elected: str) -> None:
    [requests], [answer] = asked_and_answered(
        {"name": "self_consistency", "samples": 3}, lambda question, number: said[number]
    )
    assert answer.text == elected
    assert (answer.calls, answer.tokens, answer.seconds) == (3, sum(map(len, said)), 1.5)
    assert len({request.seed for request in requests}) == 3 and all(request.temperature == 0.7 for request in requests)


def test_options_vote_by_their_letters() -> None:
    item = example("o-1", "选哪个？", "答案：B", result="B", choices=("甲", "乙"))
    said = ["选A", "答案：B", "B选项正确"]
    _, [answer] = asked_and_answered(
        {"name": "self_consistency", "samples": 3}, lambda question, number: said[number], [item]
    )
    assert answer.text == "答案：B"


def test_a_sample_depends_on_nothing_else_that_is_asked() -> None:
    other = example("s-2", "1+1等于几？", "答案：2", result="2")
    alone, _ = asked_and_answered("self_consistency", lambda question, _: "7")
    together, _ = asked_and_answered("self_consistency", lambda question, _: "7", [other, SUM])
    assert alone[0] == together[0][5:]


def test_an_item_that_fails_in_one_call_has_no_answer_and_stops_asking() -> None:
    calls = []

    def ask(requests: Sequence[ModelCall]) -> list[ModelAnswer]:
        calls.append(len(requests))
        return [ModelAnswer(text="", finish_reason="too_long") for _ in requests]

    [answer] = solve_together([solving(SUM, suite("tree_of_thoughts"))], ask)
    assert answer.finish_reason == "too_long" and calls == [1]


def row(number: int, question: str) -> Example:
    return example(f"t{number}-0", question, f"答案：{number}", kind="症状")


TRAIN = [row(number, f"{name}一共有多少个？") for number, name in enumerate(("苹果", "桌子", "河流", "车站", "邮票"))]


def test_demonstrations_are_training_rows_that_share_nothing_with_any_item() -> None:
    asked = example("i-1", "图书馆的书一共有多少本？", "答案：3")
    leaked = example("i-2", TRAIN[0].prompt[0].content, "答案：0")
    config = suite({"name": "few_shot", "shots": 3}).strategy
    items, shown = with_shots({"test": [asked, leaked]}, TRAIN, config, 7)
    assert len(shown["test"]) == 3 and "t0-0" not in shown["test"]  # also not before the other item
    system = items["test"][0].messages[0]
    assert system.role == "system" and system.content.count("问：") == 3
    assert items["test"][0].messages[1:] == asked.messages


def test_too_few_demonstrations_are_named() -> None:
    config = suite({"name": "few_shot", "shots": 5}).strategy
    with pytest.raises(UserError, match="too few training rows for 5 demonstrations: 5 with an answer, of which 1"):
        with_shots({"test": [example("i-2", TRAIN[0].prompt[0].content, "答案：0")]}, TRAIN, config, 7)


@pytest.mark.parametrize(
    ("strategy", "told"),
    [
        ("few_shots", "few_shot"),
        ({"name": "zero_shot", "shots": 2}, "shots"),
        ({"name": "self_consistency", "k": 2}, "k"),
    ],
)
def test_a_wrong_strategy_is_refused(strategy: object, told: str) -> None:
    word = strategy if isinstance(strategy, str) else json.dumps(strategy).replace('"', "")
    with pytest.raises(UserError, match=told):
        read_config("eval", [f"suite.strategy={word}", "model=x", "out=y"], EvalConfig)
