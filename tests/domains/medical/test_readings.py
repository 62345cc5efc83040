"""Measured figures are compared with the limits of guidelines."""

import pytest

from domains.advice import Advice, AskedOf
from domains.knowledge_base import KnowledgeBase
from domains.medical.readings import reading


def read(question: str, knowledge: KnowledgeBase, *named: str) -> Advice | None:
    entries = tuple(knowledge.by_id[id] for id in named)
    return reading(AskedOf(question, (), entries, knowledge))


@pytest.mark.parametrize(
    ("question", "said", "attribute"),
    [
        ("血压150/95要吃药吗", "150/95，达到升高的范围", "治疗"),
        ("血压高压130低压95算高吗", "130/95，达到升高的范围", "检查"),
        ("血压130/75正常吗", "正常高值", "预防"),
        ("血压115/75正常吗", "在正常范围", "预防"),
        ("血压182/100要紧吗", "今天就去医院", "检查"),
        ("血压85/55要紧吗", "偏低", "就医信号"),
        ("空腹血糖8.5正常吗", "8.5，达到糖尿病的诊断界值", "检查"),
        ("空腹血糖6.1正常吗", "6.1，偏高", "检查"),
        ("空腹血糖5.5正常吗", "5.5，在正常范围", "检查"),
        ("餐后血糖9.5高不高", "9.5，偏高", "检查"),
        ("血糖8.5正常吗", "如果是餐后两小时测的，偏高", "检查"),
        ("血糖3.2怎么办", "马上吃糖果", "治疗"),
        ("体温37.5度算发烧吗", "低热", "护理要点"),
        ("心率52正常吗", "偏慢", "就医信号"),
    ],
)
def test_a_figure_is_compared_and_the_entry_quoted(
    question: str, said: str, attribute: str, knowledge: KnowledgeBase
) -> None:
    advice = read(question, knowledge)
    assert advice is not None and said in advice.text
    assert [one.attribute for one in advice.quoted] == [attribute]


@pytest.mark.parametrize("question", ["孕妇空腹血糖5.5正常吗", "孩子血压130/85高吗"])
def test_children_and_pregnant_women_have_other_limits(question: str, knowledge: KnowledgeBase) -> None:
    advice = read(question, knowledge)
    assert advice is not None and "不作判断" in advice.text and not advice.quoted


def test_a_medicine_is_asked_about_otherwise(knowledge: KnowledgeBase) -> None:
    assert read("血压150/95能吃布洛芬吗", knowledge, "M035") is None
    assert read("血压150/95", knowledge) is None
