"""What a yes-or-no question asks in particular, and which attributes speak of it."""

import pytest

from domains.asked_whether import AskedWhether
from domains.claims.language import form_of
from domains.domain import find_domain
from domains.knowledge_base import KnowledgeBase


@pytest.fixture(scope="module")
def asking(knowledge: KnowledgeBase) -> AskedWhether:
    domain = find_domain("medical")
    assert domain.claims is not None
    return AskedWhether(domain.claims, form_of(domain.claims, knowledge), domain.asked_for)


@pytest.mark.parametrize(
    ("question", "id", "speaking"),
    [
        ("依那普利怀孕能吃吗", "M056", ["禁忌"]),
        ("依那普利孕妇可不可以吃", "M056", ["禁忌"]),
        ("硫酸亞鐵孕婦可以吃嗎", "M160", ["适应症"]),
        ("我怀孕了，依那普利还能吃吗", "M056", ["禁忌"]),
        ("对乙酰氨基酚孕妇能吃吗", "M034", []),
        ("尖锐湿疣能生孩子吗", "D162", ["并发症"]),
        ("胆囊结石能吃鸡蛋吗", "D061", ["饮食"]),
        ("高血压会传染给孩子吗", "D001", None),
        ("阿莫西林能吃吗", "M001", None),
        ("高血压能吃什么", "D001", None),
        ("高血压有哪些症状", "D001", None),
        ("查出高血压，能坐飞机吗", "D001", []),
    ],
)
def test_what_speaks_of_what_is_asked(
    question: str, id: str, speaking: list[str] | None, asking: AskedWhether, knowledge: KnowledgeBase
) -> None:
    assert asking.speaking_of(question, knowledge.by_id[id]) == speaking


def test_another_entry_that_is_named_must_be_spoken_of(asking: AskedWhether, knowledge: KnowledgeBase) -> None:
    amoxicillin = knowledge.by_id["M001"]
    assert asking.speaking_of("阿莫西林能和别嘌醇一起吃吗", amoxicillin, others=["别嘌醇"]) == ["相互作用"]
    assert asking.speaking_of("阿莫西林能和布洛芬一起吃吗", amoxicillin, others=["布洛芬"]) == []
