"""What an answer states of a list of facts, what it denies, and what it states besides."""

import pytest

from domains.claims.language import ClaimLanguage, Form
from domains.claims.stated import beyond, stated
from domains.knowledge_base import Entry, KnowledgeBase

LANGUAGE = ClaimLanguage(synonyms={"痛": ("疼",), "发热": ("发烧",), "腹": ("肚子",), "乏力": ("没力气",)})
TEST = Entry(id="E1", type="examination", name="HIV抗体检测", aliases=("HIV检测",), definition="筛查", attributes={})
FORM = Form(LANGUAGE, KnowledgeBase(entries=(TEST,), sha256=""))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("高血压的症状有头痛、头晕和心悸。", [True, True, True]),
        ("高血压不会引起头痛、头晕和心悸。", [False, False, False]),
        ("高血压的症状并不包括头痛、头晕、心悸。", [False, False, False]),
        ("以下说法都是错的：头痛、头晕、心悸。", [False, False, False]),
        ("头痛、头晕和心悸都不是症状。", [False, False, False]),
        ("没有头痛，但有头晕。", [False, True, False]),
        ("症状不是头痛，而是头晕。", [False, True, False]),
        ("不仅头疼，还会头晕。", [True, True, False]),
        ("有没有头痛？", [False, False, False]),
        ("- **頭痛**\n- 頭暈", [True, True, False]),
        ("", [False, False, False]),
    ],
)
def test_what_is_stated_and_what_is_denied(answer: str, said: list[bool]) -> None:
    assert stated(answer, ["头痛", "头晕", "心悸"], FORM) == said


def test_other_names_and_everyday_words_are_the_same_fact() -> None:
    assert stated("发烧、肚子疼、没力气，要查HIV检测。", ["发热", "腹痛", "乏力", "HIV抗体检测"], FORM) == [True] * 4


def test_what_a_fact_denies_itself_denies_nothing_else() -> None:
    facts = ["不喝生水", "蔬菜洗净", "不具有传染性"]
    assert stated("不要喝生水、蔬菜洗净，没有传染性。", ["不喝生水", "蔬菜洗净"], FORM) == [True, True]
    assert stated("可以喝生水，蔬菜洗净，具有传染性。", facts, FORM) == [False, True, False]


def test_a_fact_may_be_written_over_several_items() -> None:
    assert stated("禁忌有妊娠和哺乳期妇女、过敏者。", ["妊娠和哺乳期妇女", "过敏者"], FORM) == [True, True]


def test_what_is_in_no_fact_is_counted_and_advice_is_not() -> None:
    answer = "您好，高血压的症状有头痛、耳鸣和脱发，不会咳血，建议及时就医。"
    assert beyond(answer, ["头痛"], "高血压有哪些症状？", FORM) == (["耳鸣", "脱发"], 3)
    assert beyond("知识库中没有高血压的记载。", ["头痛"], "高血压有哪些症状？", FORM) == ([], 0)
