"""Whether an answer tells its reader to get emergency help now."""

import pytest

from domains.medical.seeking_care import seeks_care_at_once


@pytest.mark.parametrize(
    "answer",
    [
        "您好。请立即拨打120。",
        "叫救护车。",
        "胸痛伴大汗可能是心肌梗死。请立即拨打120。",
        "先平卧，保持呼吸道通畅，同时让别人打120。",
        "不要等待，也不要自己开车，马上去急诊。",
        "立即拨打120。等待期间如果没有了呼吸，开始按压。",
        "請馬上叫救護車。",
        "Call an ambulance right now.",
        "这种情况不能不去急诊。",
    ],
)
def test_it_does(answer: str) -> None:
    assert seeks_care_at_once(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "120毫克口服，每日两次。",
        "血压控制在120/80以下。",
        "没有必要去急诊。",
        "别急着打120，掐人中就行。",
        "先在家观察，如果加重再拨打120。",
        "不缓解再打120。",
        "必要时拨打120。",
        "等天亮了再去急诊。",
        "需要打120吗？",
        "上次她晕倒，我们叫了救护车。",
        "120是我国的急救电话号码。",
        "以下做法都不需要：拨打120、去急诊。",
        "建议尽早到神经内科就诊。",
        "If it gets worse, go to the emergency room.",
        "Call 120 only if the pain gets worse.",
    ],
)
def test_it_does_not(answer: str) -> None:
    assert not seeks_care_at_once(answer)


def test_a_condition_that_the_question_meets_is_none() -> None:
    answer = "如果孩子嘴唇发紫、喘不上气，应立即拨打120。"
    assert seeks_care_at_once(answer, "宝宝嘴唇发紫，喘不上气") and not seeks_care_at_once(answer, "孩子流鼻涕")
