"""What is served of answers that repeat passages: their own whole sentences, cited, however the answer arrives."""

import re

import pytest

from app.pipeline.answer_check import MARK, AnswerCheck
from benchmarks.claims import streamed
from benchmarks.quotations import check_of, labelled
from domains.claims.quotations import LONGEST_SENTENCE, QuotationReader, plain
from domains.documents.folder import PASSAGE
from domains.documents.passage import PassageEntry, sentences
from domains.documents.phrasings import NOT_GIVEN
from domains.knowledge_base import KnowledgeBase

CAPSULES = (
    "成人每次1粒，每日2次，饭后服用。肾功能不全者减半。\n连续服用不超过7天，除非医生另有要求。用药期间可以开车。"
    "但头晕时不要开车。\n请带：\n- 身份证\n- 医保卡\n服药后卧床休息，家属陪同。\n"
    "演示胶囊分两步：\n（1）登记；\n（2）取药。"
)
VISITS = "普通病房15:00开始探视。可以带花。儿童病房16:00开始探视。新生儿除外。"


def passage(id: str, name: str, text: str, is_answer: bool = False) -> PassageEntry:
    return PassageEntry(
        id=id,
        type=PASSAGE,
        file="手册.md",
        name=name,
        aliases=(),
        definition=text,
        attributes={},
        subject=name,
        is_answer=is_answer,
    )


KNOWLEDGE = KnowledgeBase(
    (
        passage("A1", "演示胶囊说明书 > 用法", CAPSULES),
        passage("A2", "探视时间", VISITS),
        passage("A3", "报告能寄吗？", "可以。不收费。", is_answer=True),
    ),
    sha256="0" * 64,
)


def check(question: str = "演示胶囊怎么吃？", *ids: str) -> AnswerCheck:
    return check_of(question, ids or ("A1", "A2", "A3"), KNOWLEDGE)


@pytest.mark.parametrize(
    "answer",
    [
        "成人每次1粒，每日2次，饭后服用。【A1】",
        "成人每次１粒,每日２次,饭后服用。肾功能不全者减半。【A1】",
        "- 成人 每次1粒，每日2次，饭后服用\n- 肾功能不全者减半【A1】",
        "1. 肾功能不全者减半。\n2. **连续服用不超过7天，除非医生另有要求。**【A1】",
        "成人每次1粒，每日2次，饭后服用，肾功能不全者减半。【A1】",
        "请带：身份证、医保卡。【A1】",
        "请带：\n- 身份证\n- 医保卡【A1】",
        "演示胶囊分两步：（1）登记；（2）取药。【A1】",
        "用法：肾功能不全者减半。【A1】",
        "您好，根据所给资料，肾功能不全者减半。【A1】",
        "肾功能不全者减半。【A1】普通病房15:00开始探视。【A2】",
        "用药期间可以开车。但头晕时不要开车。【A1】",
        NOT_GIVEN,
        "资料中没有提到相关内容，请咨询医生或药师。",
    ],
)
def test_whole_sentences_are_served_as_they_are(answer: str) -> None:
    assert streamed(check(), answer)[0] == answer


@pytest.mark.parametrize(
    ("answer", "served"),
    [
        ("连续服用不超过7天。【A1】", "连续服用不超过7天，除非医生另有要求。【A1】"),
        ("成人每次1粒，每日2次。【A1】", "成人每次1粒，每日2次，饭后服用。【A1】"),
        ("每日2次，饭后服用。【A1】", "成人每次1粒，每日2次，饭后服用。【A1】"),
        ("服药后卧床休息。【A1】", "服药后卧床休息，家属陪同。【A1】"),
        ("用药期间可以开车。【A1】", "用药期间可以开车。但头晕时不要开车。【A1】"),
        ("连续服用不超过7天。除非医生另有要求。【A1】", "连续服用不超过7天，除非医生另有要求。【A1】"),
        ("医保卡或身份证。医保卡。身份证、医保卡。【A1】", "请带：身份证、医保卡。【A1】"),
        ("演示胶囊分两步：（1）登记。【A1】", "演示胶囊分两步：（1）登记；（2）取药。【A1】"),
        ("探视时间：肾功能不全者减半。肾功能不全者减半。", "肾功能不全者减半。【A1】"),
        ("儿童病房16:00开始探视。【A2】", "儿童病房16:00开始探视。新生儿除外。【A2】"),
        ("连续服用不超过7", "连续服用不超过7天，除非医生另有要求【A1】"),
        ("肾功能不全者减半。", "肾功能不全者减半。【A1】"),
        ("肾功能不全者减半。【A2】", "肾功能不全者减半。【A1】"),
        ("肾功能不全者减半。普通病房15:00开始探视。【A1】", "肾功能不全者减半。普通病房15:00开始探视。【A1】【A2】"),
        ("肾功能不全者减半。肾功能不全者减半。【A1】", "肾功能不全者减半。【A1】"),
        ("肾功能不全者减半。成人每次2粒。【A1】", "肾功能不全者减半。【A1】"),
        ("肾功能不全者减半。【A", "肾功能不全者减半。【A1】"),
    ],
)
def test_a_part_is_completed_and_every_sentence_has_its_citation(answer: str, served: str) -> None:
    assert streamed(check(), answer)[0] == served


@pytest.mark.parametrize(
    "answer",
    [
        "成人每次2粒，每日2次，饭后服用。【A1】",
        "成人每次12粒，每日2次，饭后服用。",
        "肾功能不全者每日2次，饭后服用。【A1】",
        "连续服用超过7天，除非医生另有要求。",
        "头晕时要开车。",
        "普通病房1500开始探视。",
        "资料没有提到孕妇不能吃。",
        "资料没有提到相关内容，请咨询医生后服两粒。",
        "吃完饭以后吃。",
        "可以。",
        "10",
    ],
)
def test_what_no_passage_says_gives_way_to_its_own_sentences(answer: str) -> None:
    checked = check()
    served = streamed(checked, answer)[0]
    assert checked.done.replaced and checked.done.held == 0 and checked.done.removed == 1
    assert plain(answer) not in map(plain, re.split("[。：】]", served))
    own = ["".join(map(plain, sentences(entry.definition))) for entry in KNOWLEDGE.entries]
    name, said = served.split("」：")
    assert name.startswith("「")
    assert all(any(plain(one) in text for text in own) for one in said.split("【")[0].split("。"))


def test_own_sentences_come_nearest_to_what_was_said_and_name_their_passage() -> None:
    assert streamed(check(), "成人每次2粒，每日2次，饭后服用。")[0] == (
        "「演示胶囊说明书 > 用法」：成人每次1粒，每日2次，饭后服用。【A1】"
    )


def test_a_mere_yes_answers_only_the_question_that_the_passage_answers() -> None:
    assert streamed(check("报告能寄吗？", "A3", "A1"), "可以。【A3】")[0] == "可以。【A3】"
    assert "可以。" not in streamed(check("演示胶囊能吃吗？", "A1", "A3"), "可以。【A3】")[0]


def test_what_never_ends_is_held_back_no_longer_than_two_passages() -> None:
    checked = check()
    rest = ""
    for character in "很长" * 2 * LONGEST_SENTENCE:
        said, rest = checked.complete(rest + character)
        assert said == "" and len(rest) <= LONGEST_SENTENCE
    assert checked.finish(rest).startswith("「") and checked.done.replaced


def test_marked_claims_stay_but_never_a_number() -> None:
    reader = QuotationReader("怎么吃？", KNOWLEDGE.entries, ["A1"], NOT_GIVEN)
    checked = AnswerCheck(reader, ["A1"], reader.words, marks_claims=True)
    served = streamed(checked, "要吃完饭再吃。每次2粒。肾功能不全者减半。【A1】")[0]
    assert served == f"要吃完饭再吃{MARK}。肾功能不全者减半。【A1】"
    assert (checked.done.marked, checked.done.removed, checked.done.held) == (1, 1, 1)


def test_labelled_answers_are_served_as_published() -> None:
    for case in labelled("dev"):
        assert all(case.serves(claim) == (label == "h") for label, claim in case.claims), case.served
        assert case.is_own, case.served
