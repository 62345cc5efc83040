"""What rewards give to right, wrong and empty answers, and which questions they apply to."""

from typing import Any

import pytest

from data_recipes.schema.example import Example, Message
from training.rewards import REWARDS


def example(question: str, answer: str, **more: Any) -> Example:
    messages = (Message(role="user", content=question), Message(role="assistant", content=answer))
    return Example(id="e", messages=messages, source="test", group="e", kind="test", **more)


PROBLEM = example("小红有57支笔，佳佳有21支，小红多多少支？", "答：36支", result="36")
KNOWN = example("感冒有什么症状？", "鼻塞、流涕。")
UNKNOWN = example("灵犀综合征有什么症状？", "知识库中没有灵犀综合征的资料。", behaviour="refuse")


def scored(kind: str, question: Example, *answers: str, **settings: Any) -> list[float]:
    reward = REWARDS[kind]
    config = reward.config(kind=kind, **settings)
    return reward.make(config)([question] * len(answers), answers)


def test_the_table_has_every_kind_once() -> None:
    assert list(REWARDS) == ["numeric", "format", "refusal", "reward_model"]


def test_numeric_is_the_judge_of_final_answers() -> None:
    assert scored("numeric", PROBLEM, "答：36支", "57-21=36", "答：35支", "不是36", "") == [1, 1, 0, 0, 0]
    applies = REWARDS["numeric"].applies
    assert applies(PROBLEM) and not applies(KNOWN)
    assert scored("numeric", KNOWN, "36") == [0]


def test_refusal_is_right_where_nothing_is_known_and_wrong_where_something_is() -> None:
    no, invented = "知识库中没有灵犀综合征的资料。", "灵犀综合征的症状是发热和皮疹，需要卧床休息。"
    assert scored("refusal", UNKNOWN, no, invented) == [1, 0]
    assert scored("refusal", KNOWN, "鼻塞、流涕。", "抱歉，我不知道。") == [1, 0]
    assert REWARDS["refusal"].applies(UNKNOWN) and REWARDS["refusal"].applies(KNOWN)


def test_format_is_that_of_the_whole_answer() -> None:
    pattern = r"答：\d+\D*"
    assert scored("format", KNOWN, "答：36支", " 答：36 ", "是答：36支", "答：", "", pattern=pattern) == [1, 1, 0, 0, 0]


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not a regular expression"):
        REWARDS["format"].config(kind="format", pattern="(")
