"""What a model gets of a conversation: all of it, or one question that says what it is about."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.access.caller import MeteredAnswer
from app.backends.backend import ChatTurn, PromptTooLong
from app.backends.local import Generation, LocalBackend
from app.pipeline.answer import FORGOTTEN
from app.pipeline.consultation import Consultation, Decided, consult
from app.service import pipeline
from domains.domain import NO_KNOWLEDGE, find_domain
from domains.knowledge_base import KnowledgeBase
from models.artifact import NO_ENTRIES, Turns
from tests.app.fake_engine import FakeEngine
from tests.app.serving import CONFIG


def decided(turns: Turns, knowledge: KnowledgeBase, *said: str, answer: str = "好的。") -> Decided:
    domain = replace(find_domain("medical" if knowledge.entries else "general"), verify="off")  # the model is asked
    history = [turn for text in said[:-1] for turn in (ChatTurn("user", text), ChatTurn("assistant", answer))]

    async def run() -> Decided:
        backend = LocalBackend(FakeEngine(), CONFIG)
        stages = pipeline(backend, domain, domain.triager(knowledge), knowledge, CONFIG, NO_ENTRIES, turns)
        return await consult(stages, Consultation("r-1", said[-1], history))

    return asyncio.run(run())


def given(result: Decided) -> Sequence[str]:
    assert isinstance(result.reply, MeteredAnswer) and isinstance(result.reply.reply, Generation)
    return [turn.content for turn in result.reply.reply.prompt]


@pytest.mark.parametrize(
    ("second", "asked"),
    [
        ("那要一直吃药吗？", "高血压要一直吃药吗？"),
        ("它会遗传吗？", "高血压会遗传吗？"),
        ("痛风呢？", "痛风有哪些症状？"),
        ("孕妇能吃螃蟹吗", "孕妇能吃螃蟹吗"),
    ],
)
def test_a_model_of_single_questions_gets_one_with_its_subject(
    knowledge: KnowledgeBase, second: str, asked: str
) -> None:
    assert given(decided("single", knowledge, "高血压有哪些症状？", second)) == [asked]


def test_a_model_of_conversations_gets_the_conversation(knowledge: KnowledgeBase) -> None:
    said = given(decided("multi", knowledge, "高血压有哪些症状？", "那要一直吃药吗？"))
    assert said == ["高血压有哪些症状？", "好的。", "那要一直吃药吗？"]


def test_the_older_half_of_a_conversation_that_does_not_fit_is_dropped_and_that_is_said() -> None:
    result = decided("multi", NO_KNOWLEDGE, "一", "二", "三", "四", answer="长" * 400)  # the context has 1000 tokens
    assert [text[0] for text in given(result)] == ["三", "长", "四"]
    assert result.consultation.notice == FORGOTTEN
    with pytest.raises(PromptTooLong):
        decided("multi", NO_KNOWLEDGE, "一", "长" * 1500)
