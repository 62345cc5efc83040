"""What is said of an answer: what the entries hold, in whole sentences, however it arrives; else their own words."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from app.pipeline.answer_check import MARK, NOT_ANSWERED, AnswerCheck
from app.pipeline.consultation import Consultation
from app.pipeline.verify import VerifyStage
from benchmarks.claims import Bench, streamed
from domains.citations import quote
from domains.claims.reader import LONGEST_CLAUSE
from domains.domain import Policy, find_domain
from domains.knowledge_base import KnowledgeBase
from domains.retrieval.retriever import Found, Retrieved
from domains.safety_rules import Disposition, Triage
from models.engines.engine import Completion

MEDICAL = find_domain("medical")
SYMPTOMS = "高血压有哪些症状？"


def check_of(
    question: str,
    ids: Sequence[str],
    knowledge: KnowledgeBase,
    policy: Policy = "strict",
    disposition: Disposition = "none",
) -> AnswerCheck:
    """The check of an answer to a question that names these entries."""
    entries = [knowledge.by_id[id] for id in ids]
    found = Retrieved(tuple(Found(entry, 1.0, "name") for entry in entries))
    cited = quote(question, entries, knowledge.version, MEDICAL.asked_for)
    triage = Triage(level="routine", reasons=[], advice="", disposition=disposition)
    check = VerifyStage(replace(MEDICAL, verify=policy), knowledge).checked(
        Consultation("r-1", question, retrieved=found, citations=cited, triage=triage)
    )
    assert check is not None
    return check


def said(check: AnswerCheck, answer: str, size: int = 1) -> str:
    """What is said of an answer that arrives in pieces of a size."""

    async def reply() -> AsyncIterator[str | Completion]:
        for start in range(0, len(answer), size):
            yield answer[start : start + size]
        yield Completion(answer, "stop", 1, 1)

    async def events() -> list[str | Completion]:
        return [event async for event in check.checked(reply())]

    *texts, last = asyncio.run(events())
    assert isinstance(last, Completion)
    return "".join(map(str, texts))


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ("高血压的常见症状有头痛、出汗和复视。【D001】", "高血压的常见症状有头痛。【D001】"),
        ("高血压的常见症状有出汗、头痛和心悸。【D001】", "高血压的常见症状有头痛和心悸。【D001】"),
        ("高血压的常见症状有头痛、出汗和心悸。【D001】", "高血压的常见症状有头痛和心悸。【D001】"),
        ("血压高的人会头疼、心慌，请及时就医。", "血压高的人会头疼、心慌，请及时就医。"),
        ("高血压的症状很多，包括头痛和头晕。", "头痛和头晕。"),
        ("高血压的常见症状有头痛。每天吃2片，血压要低于140。", "高血压的常见症状有头痛。"),
        ("高血压的常见症状有头痛，冠心病的常见症状有胸闷、乏力。", "高血压的常见症状有头痛。"),
        ("高血压的常见症状有头痛。【D001】常见病因有遗传因素。【D001】", "高血压的常见症状有头痛。【D001】"),
        ("高血压的常见症状有头痛【D002】和头晕【D999、D001】。", "高血压的常见症状有头痛【D001】和头晕【D001】。"),
    ],
)
def test_what_no_entry_holds_is_taken_out_and_a_sentence_is_left(
    answer: str, left: str, size: int, knowledge: KnowledgeBase
) -> None:
    assert said(check_of(SYMPTOMS, ["D001"], knowledge), answer, size) == left


def test_what_is_left_is_not_joined_as_if_one_verb_had_both(knowledge: KnowledgeBase) -> None:
    answer = "痛风的饮食要点是忌动物内脏和浓肉汤、多吃糖和多饮白开水。"
    left = "痛风的饮食要点是忌动物内脏和浓肉汤、多饮白开水。"
    assert said(check_of("痛风的饮食要注意什么", ["D031"], knowledge), answer) == left


@pytest.mark.parametrize(
    ("disposition", "left"),
    [
        ("none", "高血压的常见症状有头痛。【D001】"),
        (
            "home",
            "请立即拨打120或前往急诊。这可能危及生命，不要拖延观察，也不要独自驾车就医。高血压的常见症状有头痛。【D001】",
        ),
    ],
)
def test_an_alarm_of_the_models_own_is_taken_out_where_nobody_is_ill(
    disposition: Disposition, left: str, knowledge: KnowledgeBase
) -> None:
    answer = (
        "请立即拨打120或前往急诊。这可能危及生命，不要拖延观察，也不要独自驾车就医。高血压的常见症状有头痛。【D001】"
    )
    assert said(check_of(SYMPTOMS, ["D001"], knowledge, disposition=disposition), answer) == left


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "没有。",
        "【D001】",
        "高血压的常见症状有出汗和复视，出现时要立即就医。【D001】",
        "高血压的常见病因有遗传因素和高盐饮食。【D001】",
        "糖尿病的常见症状有多饮、多尿。【D001】",
        "所给资料没有提到高血压的症状，建议咨询医生。",
        "知识库中没有白屿氏综合征的记载。",
        "高血压有哪些症状",
    ],
)
def test_where_nothing_is_left_the_entrys_own_words_are_the_answer(answer: str, knowledge: KnowledgeBase) -> None:
    check = check_of(SYMPTOMS, ["D001"], knowledge)
    assert said(check, answer) == "高血压的症状：头痛、头晕、心悸、血压升高、视物模糊。【D001】"
    assert check.done.replaced and check.done.held == 0


def test_where_it_is_not_known_what_is_asked_the_entrys_words_answer_nothing(knowledge: KnowledgeBase) -> None:
    question = "高血压要花多少钱？"
    assert said(check_of(question, ["D001"], knowledge), "大约5000元。") == NOT_ANSWERED
    right = "知识库中没有高血压花多少钱的记载，建议咨询医生。"
    assert said(check_of(question, ["D001"], knowledge), right) == right
    assert said(check_of("高血压要做哪些检查", ["D001"], knowledge), "请咨询医生。").startswith(
        "请咨询医生。高血压的检查"
    )


@pytest.mark.parametrize(
    ("question", "id", "answer", "left"),
    [
        ("高血压能喝酒吗？", "D001", "高血压不具有传染性。", "高血压的病因：遗传因素"),
        ("高血壓的症狀有哪些？", "D001", "高血压的常见病因有遗传因素和高盐饮食。", "高血压的症状：头痛"),
        ("支气管哮喘能运动吗？", "D042", "支气管哮喘不具有传染性。", "支气管哮喘的病因：遗传和过敏体质"),
        ("高血压能坐飞机吗？", "D001", "高血压不具有传染性。", NOT_ANSWERED),
        ("高血压会遗传吗？", "D001", "高血压的病因有遗传因素。", "高血压的病因有遗传因素。"),
        ("白癜风会遗传给孩子吗？", "D167", "白癜风不具有传染性。", "白癜风的病因：自身免疫异常、遗传因素"),
        ("带状疱疹会复发吗？", "D147", "带状疱疹具有传染性。", NOT_ANSWERED),
        ("依那普利孕妇能吃吗？", "M056", "依那普利的不良反应有干咳。", "依那普利的禁忌：妊娠期"),
        ("硫酸亞鐵孕婦可以吃嗎？", "M160", "", "硫酸亚铁的适应症：缺铁性贫血、妊娠期缺铁"),
        ("二甲双胍能和酒一起吗？", "M081", "", "二甲双胍的相互作用：饮酒增加乳酸酸中毒风险"),
    ],
)
def test_whether_something_is_so_is_answered_by_what_speaks_of_it(
    question: str, id: str, answer: str, left: str, knowledge: KnowledgeBase
) -> None:
    assert said(check_of(question, [id], knowledge), answer).startswith(left)


@pytest.mark.parametrize(
    ("question", "id", "answer"),
    [
        ("奥司他韦孕妇能用吗", "M026", "奥司他韦的禁忌有对本药过敏和终末期肾病未透析者。【M026】"),
        ("奥司他韦孕妇能用吗", "M026", ""),
        ("痛风能吃豆腐吗", "D031", ""),
        ("高血壓的人能喝咖啡嗎", "D001", ""),
        ("肺结核能治好吗", "D045", ""),
        ("我怀孕三个月了，奥司他韦能吃吗？", "M026", ""),
    ],
)
def test_who_is_asked_what_no_entry_speaks_of_says_so_after_what_it_does_say(
    question: str, id: str, answer: str, knowledge: KnowledgeBase
) -> None:
    check = check_of(question, [id], knowledge)
    text = said(check, answer, 5)
    assert text.startswith(knowledge.by_id[id].name) and text.endswith(f"\n{MEDICAL.notices.not_mentioned}")
    assert check.done.not_mentioned


@pytest.mark.parametrize(
    ("question", "id"),
    [
        ("阿莫西林能吃吗？", "M001"),
        ("高血压会传染给家里人吗？", "D001"),
        ("高血压能喝酒吗？", "D001"),
        ("高血压能吃什么？", "D001"),
        ("痛风能吃螃蟹吗？", "D031"),
        (SYMPTOMS, "D001"),
    ],
)
def test_who_asks_nothing_in_particular_or_what_is_spoken_of_is_told_nothing(
    question: str, id: str, knowledge: KnowledgeBase
) -> None:
    check = check_of(question, [id], knowledge)
    assert MEDICAL.notices.not_mentioned not in said(check, "") and not check.done.not_mentioned


def test_a_second_medicine_must_be_spoken_of(knowledge: KnowledgeBase) -> None:
    told = check_of("布洛芬能和阿莫西林一起吃吗", ["M035", "M001"], knowledge)
    assert said(told, "").endswith(MEDICAL.notices.not_mentioned)
    spoken_of = check_of("阿莫西林能和别嘌醇一起吃吗", ["M001", "M087"], knowledge)
    assert said(spoken_of, "").startswith("阿莫西林的相互作用：丙磺舒可升高其血药浓度、与别嘌醇同用易发生皮疹")
    assert not spoken_of.done.not_mentioned


def test_an_answer_of_the_entrys_own_words_was_not_cut(knowledge: KnowledgeBase) -> None:
    async def ends(answer: str) -> str:
        async def reply() -> AsyncIterator[str | Completion]:
            yield answer
            yield Completion(answer, "length", 9, 256)

        *_, last = [event async for event in check_of(SYMPTOMS, ["D001"], knowledge).checked(reply())]
        assert isinstance(last, Completion) and last.completion_tokens == 256
        return last.finish_reason

    assert asyncio.run(ends("高血压的常见症状有出汗和复")) == "stop"
    assert asyncio.run(ends("高血压的常见症状有头痛、头")) == "length"


def test_asking_back_is_an_answer(knowledge: KnowledgeBase) -> None:
    asked = "请问您问的是哪一种？"
    assert said(check_of(SYMPTOMS, ["D001"], knowledge), asked) == asked


@pytest.mark.parametrize("policy", ["strict", "mark", "off"])
def test_a_dose_that_the_entry_does_not_have_is_never_said(policy: Policy, knowledge: KnowledgeBase) -> None:
    check = check_of("布洛芬怎么用？", ["M035"], knowledge, policy)
    answer = "布洛芬的用法要点是餐后或与食物同服，每次300毫克。"
    assert said(check, answer) == "布洛芬的用法要点是餐后或与食物同服。"
    assert check.done.removed == 1


def test_a_claim_is_marked_where_the_policy_says_so(knowledge: KnowledgeBase) -> None:
    check = check_of(SYMPTOMS, ["D001"], knowledge, "mark")
    assert said(check, "高血压的常见症状有头痛、出汗。【D001】") == f"高血压的常见症状有头痛、出汗{MARK}。【D001】"
    assert (check.done.held, check.done.marked, check.done.removed) == (1, 1, 0)


def test_off_checks_numbers_and_citations_alone(knowledge: KnowledgeBase) -> None:
    answer = "高血压会出汗，维生素B12和2型糖尿病，血压140。紧急情况请拨打120。【D001】【D002】"
    left = "高血压会出汗，维生素B12和2型糖尿病。紧急情况请拨打120。【D001】"
    check = check_of("高血压和2型糖尿病", ["D001"], knowledge, "off")
    assert said(check, answer) == left and check.done.citations_removed == 1
    assert said(check_of(SYMPTOMS, ["D001"], knowledge, "off"), "血压140。").startswith("高血压的症状：头痛")


def test_what_is_held_back_is_a_clause_and_is_never_lost(knowledge: KnowledgeBase) -> None:
    check = check_of(SYMPTOMS, ["D001"], knowledge, "off")
    text, rest = "", ""
    for character in "很长" * LONGEST_CLAUSE + "。头痛【D0":
        new, rest = check.complete(rest + character)
        text += new
        assert len(rest) <= LONGEST_CLAUSE
    assert text + check.finish(rest) == "很长" * LONGEST_CLAUSE + "。头痛【D0"


def test_nothing_is_checked_where_nothing_was_found(knowledge: KnowledgeBase) -> None:
    assert VerifyStage(MEDICAL, knowledge).checked(Consultation("r-1", "你好")) is None


@pytest.mark.parametrize("domain", ["medical", "instruments"])
def test_reference_answers_are_served_unchanged(domain: str) -> None:
    bench = Bench(domain)
    facts = bench.facts()[:: 150 if domain == "medical" else 10]
    changed = []
    for fact in facts:
        for _, phrasing in list(fact.wording.training())[:3]:
            check = bench.check(phrasing.format(**fact.slots), fact.grounding)
            if streamed(check, fact.answer)[0] != fact.answer:
                changed.append((fact.key, phrasing))
    assert len(facts) > 15 and not changed


def test_what_cures_is_not_said_where_the_entry_does_not_speak_of_a_cure(knowledge: KnowledgeBase) -> None:
    answer = said(check_of("2型糖尿病吃什么药能根治？", ["D021"], knowledge), "")
    assert answer.startswith("2型糖尿病的用药：") and answer.endswith(MEDICAL.notices.not_mentioned)
