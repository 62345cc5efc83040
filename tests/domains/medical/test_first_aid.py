"""What to do at once where something got into an eye."""

import pytest

from domains.medical.first_aid import RINSE, SOMETHING_IN_IT, first_aid


@pytest.mark.parametrize(
    "message",
    [
        "眼睛进了洗衣液",
        "眼睛里溅进了消毒水怎么办",
        "洁厕灵溅到眼睛里了",
        "84进眼睛了",
        "502胶水粘住眼睛了",
        "辣椒水喷到眼睛里了",
        "切辣椒的手揉了眼睛",
        "孩子把洗潔精弄進眼睛了",
        "把502当眼药水滴了",
    ],
)
def test_an_eye_is_rinsed_at_once_whatever_the_liquid(message: str) -> None:
    assert first_aid(message) is RINSE
    assert "大量" in RINSE.now and "15分钟" in RINSE.now and "眼科" in RINSE.then and "120" in RINSE.then


@pytest.mark.parametrize("message", ["沙子进眼睛了怎么办", "眼里进了虫子"])
def test_a_grain_is_not_rubbed(message: str) -> None:
    assert first_aid(message) is SOMETHING_IN_IT


def test_what_it_was_may_have_been_said_before() -> None:
    assert first_aid("溅到眼睛里了", ["孩子玩洗衣凝珠"]) is RINSE


@pytest.mark.parametrize(
    "message",
    [
        "眼睛干涩怎么办",
        "染发剂会不会伤眼睛",
        "眼里容不得沙子",
        "左氧氟沙星滴眼液怎么滴",
        "上周眼睛进了洗衣液，现在还红",
        "酒精擦手",
    ],
)
def test_other_messages_tell_of_no_accident(message: str) -> None:
    assert first_aid(message) is None
