"""Mains voltage and biological hazards are caught before any model is asked; ordinary questions are not."""

import pytest

from domains.domain import find_domain
from domains.instruments.knowledge_base import KNOWLEDGE
from domains.safety_rules import Triager


@pytest.fixture(scope="module")
def triager() -> Triager:
    return find_domain("instruments").triager(KNOWLEDGE.load())


@pytest.mark.parametrize(
    "question",
    [
        "摸水浴锅外壳手发麻，怎么办？",
        "水浴锅外壳发麻还能接着用吗",
        "同事被离心机电了一下",
        "我没断电就拆烘箱，可以吗？",
        "插座冒烟了",
        "离心机里冒烟还带着电怎么办",
        "烘箱有烧焦味，还能用吗？",
        "纯水机漏水，电源进水了",
    ],
)
def test_mains_voltage(triager: Triager, question: str) -> None:
    found = triager.triage(question)
    assert (found.level, found.reasons) == ("emergency", ["市电危险：可能触电或起火"])
    assert "断电" in found.advice and "设备管理员" in found.advice


@pytest.mark.parametrize(
    "question",
    [
        "菌液泼洒在台面上了",
        "离心管破裂了，里面是菌液",
        "摇床里的培养物打翻了",
        "被针头扎到了，上面有血样",
        "样本溅到手上",
    ],
)
def test_biological_hazards(triager: Triager, question: str) -> None:
    found = triager.triage(question)
    assert (found.level, found.reasons) == ("emergency", ["生物危害：感染性材料外泄"])
    assert "生物安全员" in found.advice


@pytest.mark.parametrize(
    "question",
    [
        "电子天平怎么校准？",
        "培养液怎么配？",
        "漏电保护器跳闸了怎么复位？",
        "没有触电，只是打不开盖",
        "灭菌锅没有冒烟，只是不升温",
        "离心机没有菌液泄漏，只是振动大",
        "血清怎么分装保存？",
        "移液器漏液怎么办？",
    ],
)
def test_ordinary_questions(triager: Triager, question: str) -> None:
    assert triager.triage(question).level == "routine"
