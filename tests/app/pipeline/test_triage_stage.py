"""Triage in the pipeline: long texts in windows, off the event loop; alarms that end when the conversation moves on."""

import asyncio
from collections.abc import Sequence

import pytest

from app.backends.backend import ChatTurn
from app.pipeline.consultation import Consultation
from app.pipeline.triage import OVERLAP, WINDOW, TriageStage, windows
from domains.domain import find_domain
from domains.knowledge_base import KnowledgeBase
from domains.retrieval.retriever import retriever_of

CALM = "门诊几点开门，挂号要带什么证件，怎么走最近？"
ALARM = "我爸突然胸痛，出了一身冷汗"


@pytest.fixture(scope="module")
def stage(knowledge: KnowledgeBase) -> TriageStage:
    return TriageStage(find_domain("medical").triager(knowledge), retriever_of(knowledge))


def conversation(said: Sequence[str]) -> Consultation:
    turns = [turn for text in said[:-1] for turn in (ChatTurn("user", text), ChatTurn("assistant", "好的。"))]
    return Consultation("r-1", said[-1], turns)


def level(stage: TriageStage, *said: str) -> str:
    return asyncio.run(stage(conversation(said))).triage.level


@pytest.mark.parametrize("length", [1, WINDOW, WINDOW + 1, 3 * WINDOW - 7])
def test_windows_overlap_and_leave_nothing_out(length: int) -> None:
    text = "".join(chr(0x4E00 + place % 5000) for place in range(length))
    parts = list(windows(text))
    rebuilt = parts[0] + "".join(part[OVERLAP:] for part in parts[1:])
    assert rebuilt == text and max(map(len, parts)) <= WINDOW


@pytest.mark.parametrize("place", [WINDOW - 5, 3 * WINDOW])
def test_an_emergency_is_found_wherever_a_long_text_has_it(stage: TriageStage, place: int) -> None:
    filler = CALM * (3 * WINDOW // len(CALM))
    assert level(stage, filler) == "routine"
    assert level(stage, f"{filler[:place]}。{ALARM}。{filler[place:]}") == "emergency"


def test_a_number_that_no_rule_means_is_cut() -> None:
    assert list(windows("血压" + "1" * 100_000 + "怎么办")) == ["血压" + "1" * 12 + "怎么办"]


def test_a_long_text_lets_others_go_first(stage: TriageStage) -> None:
    async def finished() -> list[str]:
        order: list[str] = []

        async def judge(name: str, text: str) -> None:
            assert (await stage(Consultation("r-1", text))).triage.level == (
                "emergency" if text == ALARM else "routine"
            )
            order.append(name)

        await asyncio.gather(judge("long", CALM * 400), judge("short", ALARM))
        return order

    assert asyncio.run(finished()) == ["short", "long"]


@pytest.mark.parametrize(
    "said",
    [
        (ALARM, "今天天气怎么样？"),
        (ALARM, "谢谢，我爸已经脱离危险出院了"),
        (ALARM, "谢谢"),
        (ALARM, "换个问题，痛风能吃豆制品吗"),
        (ALARM, "今天天气怎么样？", "明天呢？"),
    ],
)
def test_an_alarm_ends_when_the_conversation_moves_on(stage: TriageStage, said: tuple[str, ...]) -> None:
    assert level(stage, *said[:1]) == "emergency"
    assert level(stage, *said) == "routine"


@pytest.mark.parametrize(
    "said",
    [
        (ALARM, "能自己开车送他去吗"),
        (ALARM, "是心梗吗"),
        (ALARM, "是心梗吗", "会不会死"),
        (ALARM, "今天天气怎么样？", ALARM, "是心梗吗"),
        (ALARM, "要不要先吃阿司匹林"),
        (ALARM, "他嘴唇发紫了"),
        (ALARM, "嘴唇发紫了"),
        (ALARM, "谢谢，但是他还在疼"),
        (ALARM, "今天天气怎么样？", ALARM),
        ("我胸口疼", "痛风能吃豆制品吗", "现在还出了一身冷汗"),
    ],
)
def test_an_alarm_stays_while_it_is_still_about_it(stage: TriageStage, said: tuple[str, ...]) -> None:
    assert level(stage, *said) == "emergency"
