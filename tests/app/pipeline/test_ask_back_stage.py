"""Asking back in the pipeline: one question at a time, answers that are read with their complaint, an end."""

import asyncio
from collections.abc import Sequence

import pytest

from app.backends.backend import AnswerStream, ChatTurn
from app.backends.missing import MissingModel
from app.pipeline.consultation import Consultation, Decided, FixedAnswer, PipelineStage, consult
from app.service import pipeline
from domains.domain import find_domain
from domains.knowledge_base import KnowledgeBase
from domains.medical.ask_back import ask_back
from models.conversation import Conversation
from models.engines.engine import Sampling
from tests.app.serving import CONFIG

FIRST = "是不是突然发作、几分钟内就疼到最厉害，或者是从来没有过的剧烈头痛？"


class Talker(MissingModel):
    """Always answers the same."""

    async def stream(self, conversation: Conversation, sampling: Sampling) -> AnswerStream:
        return FixedAnswer("模型的回答。")


@pytest.fixture(scope="module")
def stages(knowledge: KnowledgeBase) -> Sequence[PipelineStage]:
    domain = find_domain("medical")
    return pipeline(Talker("m"), domain, domain.triager(knowledge), knowledge, CONFIG)


def decided(stages: Sequence[PipelineStage], *said: str) -> Decided:
    turns = [ChatTurn("assistant" if place % 2 else "user", text) for place, text in enumerate(said)]

    async def run() -> Decided:
        return await consult(stages, Consultation("r-1", turns[-1].content, turns[:-1]))

    return asyncio.run(run())


def text(decided: Decided) -> str:
    async def pieces() -> str:
        return "".join([str(piece) async for piece in decided])

    return asyncio.run(pieces())


def interview(stages: Sequence[PipelineStage], complaint: str, *answers: str) -> tuple[list[str], Decided]:
    """Gives the answers one after another; the conversation, and what comes of the last."""
    said = [complaint]
    for answer in answers:
        said += [text(decided(stages, *said)), answer]
    return said, decided(stages, *said)


def test_a_complaint_is_asked_about_one_question_at_a_time_and_then_told_what_to_do(
    stages: Sequence[PipelineStage],
) -> None:
    said, last = interview(stages, "头痛", "没有", "没有", "没有", "没有")
    book = ask_back()
    assert said[1] == f"{book.opening}\n{FIRST}"
    asked = [book.asked_in(turn) for turn in said[1::2]]
    assert len(set(asked)) == 4 and None not in asked
    assert text(last) == book.closing.routine and last.consultation.asked is None
    triage = last.consultation.triage
    assert triage.level == "routine" and triage.disposition in ("days", "home") and "120" in triage.advice


def test_what_is_asked_has_answers_to_choose_from_and_neither_sources_nor_a_notice(
    stages: Sequence[PipelineStage],
) -> None:
    asking = decided(stages, "头痛").consultation
    assert asking.asked is not None and asking.asked.question == FIRST
    assert asking.asked.choices == ("是", "没有", "不清楚")
    assert (asking.citations, asking.notice) == ((), "")


@pytest.mark.parametrize("yes", ["是", "有的", "嗯"])
def test_a_yes_is_an_alarm_although_it_alone_says_nothing(stages: Sequence[PipelineStage], yes: str) -> None:
    _, alarm = interview(stages, "头痛", yes)
    assert alarm.consultation.triage.level == "emergency" and text(alarm) == alarm.consultation.level.answer
    assert "突然出现从来没有过的剧烈头痛" in alarm.consultation.triage.reasons
    assert decided(stages, yes).consultation.triage.level != "emergency"


def test_the_alarm_of_an_answer_stays_until_the_conversation_moves_on(stages: Sequence[PipelineStage]) -> None:
    said, alarm = interview(stages, "头痛", "没有", "是")
    conversation = [*said, text(alarm)]
    assert decided(stages, *conversation, "能自己开车去吗").consultation.triage.level == "emergency"
    assert decided(stages, *conversation, "换个问题，痛风能吃豆制品吗").consultation.triage.level == "routine"


def test_what_is_unclear_needs_a_doctor_today(stages: Sequence[PipelineStage]) -> None:
    _, last = interview(stages, "头痛", "没有", "不清楚", "没有", "没有")
    assert last.consultation.triage.disposition == "today"
    assert text(last) == ask_back().closing.urgent


@pytest.mark.parametrize("beside", ["37.5", "37度5", "没量"])
def test_a_reading_is_no_unclear_sign_and_the_question_is_asked_again(
    stages: Sequence[PipelineStage], beside: str
) -> None:
    said, asked_again = interview(stages, "我有点头痛", beside)
    assert FIRST in said[1] and FIRST in text(asked_again)
    assert asked_again.consultation.triage.level == "routine"
    _, last = interview(stages, "我有点头痛", beside, "没有", "没有", "没有", "没有")
    assert text(last) == ask_back().closing.routine


def test_who_answers_beside_a_question_twice_leaves_it_unclear(stages: Sequence[PipelineStage]) -> None:
    _, again = interview(stages, "我有点头痛", "37.5", "37.5")
    assert again.consultation.triage.disposition == "today" and FIRST not in text(again)


def test_own_words_in_an_answer_are_judged_with_the_complaint(stages: Sequence[PipelineStage]) -> None:
    _, alarm = interview(stages, "胸口有点疼", "没有，不过现在出了一身冷汗，左胳膊发麻")
    assert alarm.consultation.triage.level == "emergency"


def test_an_emergency_is_never_asked_about(stages: Sequence[PipelineStage]) -> None:
    alarm = decided(stages, "我爸突然胸痛，出了一身冷汗").consultation
    assert alarm.triage.level == "emergency" and alarm.asked is None


def test_who_asks_something_else_instead_is_answered(stages: Sequence[PipelineStage]) -> None:
    said, other = interview(stages, "头痛", "高血压有哪些症状？")
    assert other.consultation.asked is None and other.consultation.citations[0].title == "高血压"
    assert [turn.content for turn in other.consultation.history] == said[:2]


def test_nothing_is_asked_twice_in_a_conversation(stages: Sequence[PipelineStage]) -> None:
    said, last = interview(stages, "头痛", "没有", "没有", "没有", "没有")
    assert decided(stages, *said, text(last), "头痛还是没好").consultation.asked is None
    said, other = interview(stages, "头痛", "高血压有哪些症状？")
    again = decided(stages, *said, text(other), "头痛").consultation
    assert again.asked is not None and again.asked.question != FIRST


def test_who_also_asked_for_something_gets_it_after_the_questions(stages: Sequence[PipelineStage]) -> None:
    _, last = interview(stages, "头痛两天了，挂什么科", "没有", "没有", "没有", "没有")
    assert last.consultation.asked is None
    assert last.consultation.triage.disposition in ("days", "home")
    assert ("头痛", "科室") in [(source.title, source.attribute) for source in last.consultation.citations]
    assert [turn.content for turn in last.consultation.conversation] == ["头痛两天了，挂什么科"]


def test_it_can_be_switched_off(knowledge: KnowledgeBase) -> None:
    domain, config = find_domain("medical"), CONFIG.model_copy(update={"ask_back": False})
    stages = pipeline(Talker("m"), domain, domain.triager(knowledge), knowledge, config)
    names = {type(stage).__name__ for stage in stages}
    assert not names & {"AnswersStage", "OwnWordsStage", "AskBackStage"}
