"""The stages alone, without HTTP: what each adds, which one decides, and what an opening does to a stream."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from app.backends.backend import ChatTurn
from app.backends.local import LocalBackend
from app.pipeline.consultation import Consultation, Decided, PipelineStage, consult
from app.pipeline.guards import DeclineStage
from app.service import pipeline
from domains.domain import NO_KNOWLEDGE, find_domain
from domains.knowledge_base import KnowledgeBase
from domains.safety_rules import Decline
from models.engines.engine import Completion
from tests.app.fake_engine import FakeEngine
from tests.app.serving import CONFIG


def _stages(name: str, knowledge: KnowledgeBase) -> Sequence[PipelineStage]:
    domain = find_domain(name)
    return pipeline(LocalBackend(FakeEngine(), CONFIG), domain, domain.triager(knowledge), knowledge, CONFIG)


def decided(question: str, domain: str, knowledge: KnowledgeBase = NO_KNOWLEDGE, **more: int) -> Decided:
    async def run() -> Decided:
        return await consult(_stages(domain, knowledge), Consultation("r-1", question, **more))  # type: ignore[arg-type]

    return asyncio.run(run())


def test_each_stage_adds_what_it_knows(knowledge: KnowledgeBase) -> None:
    asked = decided("高血压和痛风吃什么药？", "medical", knowledge).consultation
    assert [citation.title for citation in asked.citations] == ["高血压", "痛风"]
    assert asked.triage.level == "routine" and asked.metadata["AIGC"]["ProduceID"] == "r-1"


def test_an_emergency_is_decided_before_anything_is_looked_up(knowledge: KnowledgeBase) -> None:
    asked = decided("我高血压，今天肢体无力", "medical", knowledge).consultation
    assert asked.triage.level == "emergency" and asked.level.call == "120"
    assert asked.citations == () and asked.metadata["AIGC"]["ProduceID"] == "r-1"


def test_a_general_pipeline_leaves_the_question_to_the_model() -> None:
    asked = decided("我爸突然胸痛，出了一身冷汗", "general").consultation
    assert (asked.triage.level, asked.level.answer, asked.citations, asked.notice) == ("routine", "", [], "")


def test_who_declines_decides_and_no_later_stage_is_asked() -> None:
    async def never(consultation: Consultation) -> Consultation:
        raise AssertionError("asked after the decision")

    stages = [DeclineStage([Decline(lambda question, _: "拆" in question, "请联系厂家。")], {}), never]
    result = asyncio.run(consult(stages, Consultation("r-1", "怎么拆安全锁", notice="没有来源")))
    assert result.consultation.notice == ""
    assert asyncio.run(_texts(aiter(result))) == ["请联系厂家。"]


def test_what_is_declined_is_heard_with_what_the_person_said_before() -> None:
    heard: list[tuple[str, Sequence[str]]] = []

    def asked(question: str, earlier: Sequence[str]) -> bool:
        heard.append((question, earlier))
        return True

    turns = [ChatTurn("user", "要张处方"), ChatTurn("assistant", "不能开。")]
    asyncio.run(consult([DeclineStage([Decline(asked, "不能。")], {})], Consultation("r-1", "现在就要", turns)))
    assert heard == [("现在就要", ["要张处方"])]


async def _texts(events: AsyncIterator[str | Completion]) -> list[str | Completion]:
    return [event async for event in events]


def test_turns_of_a_conversation_count_by_who_said_them(knowledge: KnowledgeBase) -> None:
    async def level(role: str) -> str:
        turns = [ChatTurn("user", "你好"), ChatTurn("assistant", "您好")]
        turns[0 if role == "user" else 1] = ChatTurn(role, "我爸胸痛，出冷汗")  # type: ignore[arg-type]
        return (
            await consult(_stages("medical", knowledge), Consultation("r-1", "要不要躺下", turns))
        ).consultation.triage.level

    assert asyncio.run(level("user")) == "emergency"
    assert asyncio.run(level("assistant")) != "emergency"
