"""Who asks whether he may take a medicine is answered by its entry; the model is not asked."""

import asyncio

import pytest

from app.backends.local import LocalBackend
from app.pipeline.consultation import Consultation, consult
from app.service import pipeline
from domains.domain import find_domain
from domains.knowledge_base import KnowledgeBase
from domains.medical.prescriptions import DECLINED, DOSE_NOT_GIVEN
from models.engines.engine import Completion
from tests.app.fake_engine import FakeEngine
from tests.app.serving import CONFIG

MEDICAL = find_domain("medical")


def served(question: str, knowledge: KnowledgeBase) -> tuple[str, list[Completion], Consultation]:
    return asyncio.run(_served(question, knowledge))


async def _served(question: str, knowledge: KnowledgeBase) -> tuple[str, list[Completion], Consultation]:
    engine = FakeEngine("布洛芬的用法要点是餐后或与食物同服。")
    stages = pipeline(LocalBackend(engine, CONFIG), MEDICAL, MEDICAL.triager(knowledge), knowledge, CONFIG)
    decided = await consult(stages, Consultation("r-1", question))
    events = [event async for event in decided]
    assert engine.batches == []
    text = "".join(event for event in events if isinstance(event, str))
    return text, [event for event in events if isinstance(event, Completion)], decided.consultation


def test_the_entrys_own_words_answer_and_a_doctor_decides(knowledge: KnowledgeBase) -> None:
    text, [completion], asked = served("我有胃溃疡，可以吃布洛芬吗", knowledge)
    assert text.startswith("布洛芬的禁忌：活动性消化性溃疡或出血、") and text.endswith(MEDICAL.notices.ask_first)
    assert "用法要点" not in text and [one.id for one in asked.citations] == ["M035"]
    assert (completion.finish_reason, completion.completion_tokens) == ("stop", 0)
    assert asked.check is not None and asked.check.done.replaced and not asked.check.done.not_mentioned


def test_who_is_not_spoken_of_is_told_so(knowledge: KnowledgeBase) -> None:
    text, _, asked = served("我有痛风，可以吃阿莫西林吗", knowledge)
    assert text.startswith("阿莫西林的禁忌：") and "没有专门提到您说的“痛风”" in text
    assert asked.check is not None and asked.check.done.not_mentioned


@pytest.mark.parametrize("question", ["怀孕能吃异维A酸吗", "异维A酸有什么副作用"])
def test_what_has_no_entry_is_named(question: str, knowledge: KnowledgeBase) -> None:
    text, _, asked = served(question, knowledge)
    assert text == MEDICAL.notices.no_entry.format(name="异维a酸") and not asked.citations


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("这药一次吃几片", DOSE_NOT_GIVEN),
        ("给我开点布洛芬一次吃几片", DECLINED),
    ],
)
def test_a_question_of_dose_is_declined_as_what_it_is(question: str, answer: str, knowledge: KnowledgeBase) -> None:
    assert (served(question, knowledge))[0] == answer
