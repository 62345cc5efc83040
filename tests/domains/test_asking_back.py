"""What is asked back, without anything medical: what a new domain writes and what it may rely on."""

from pathlib import Path

import pytest

from common.errors import UserError
from domains.asking_back import AnsweredTriager, AskBack
from domains.domain import NO_KNOWLEDGE
from domains.safety_rules import Triage, read_rules, rules_in

FILE = """
words: {锅: [锅炉, 炉子]}
opening: 先问几个问题。
unclear: 有一项说不清
days: 三天内检修。
closing: {routine: 问完了。, urgent: 请今天检修。}
answers:
  affirmed: [是, 有]
  denied: [没有, 没, 不]
  unclear: [不清楚, 不知道]
  leaves: {any: [吗, 什么, 怎么, 有没有], except: [没什么]}
complaints:
  - name: 异响
    all: [[(锅)…响, 异响]]
    questions:
      - {ask: 有没有闻到煤气味？, sign: 有煤气味}
      - {ask: 压力表是不是在红区？, sign: 压力表在红区, known: [压力正常]}
      - {ask: 小孩在旁边吗？, sign: 小孩在旁边, level: urgent, only: [家]}
  - name: 漏水
    all: [[漏水]]
    except: [水龙头漏水]
    questions:
      - {ask: 是不是漏到了电线上？, sign: 水漏到电线上}
      - {ask: 漏了超过一天没有？, sign: 漏了超过一天, level: urgent}
"""
RULES = """
levels:
  emergency: {title: {zh: 危险, en: Danger}, advice: 请离开。, answer: 请离开。}
  urgent: {title: {zh: 今天, en: Today}, advice: 请今天检修。}
  routine: {advice: 请观察。}
rules:
  - {name: 起火, level: emergency, all: [[起火]]}
"""


@pytest.fixture
def book(tmp_path: Path) -> AskBack:
    file = tmp_path / "ask_back.yaml"
    file.write_text(FILE, encoding="utf-8")
    return read_rules(file, AskBack, explained_in="domains/asking_back.py")


@pytest.fixture
def triager(tmp_path: Path, book: AskBack) -> AnsweredTriager:
    file = tmp_path / "rules.yaml"
    file.write_text(RULES, encoding="utf-8")
    return AnsweredTriager(rules_in(file)(NO_KNOWLEDGE), book)


def asked_about(book: AskBack, text: str) -> list[str]:
    """The signs that are asked for, where every answer is 没有."""
    asked = []
    while question := book.next_question(text, asked):
        asked.append(question)
    return [question.sign for question in asked]


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("锅炉一直响", ["有煤气味", "压力表在红区"]),
        ("家里炉子响", ["有煤气味", "压力表在红区", "小孩在旁边"]),
        ("炉子响，压力正常", ["有煤气味"]),
        ("家里炉子响，还漏水", ["有煤气味", "水漏到电线上", "压力表在红区", "漏了超过一天"]),
        ("没有漏水，就是异响", ["有煤气味", "压力表在红区"]),
        ("水龙头漏水", []),
        ("今天几号", []),
    ],
)
def test_it_asks_what_is_not_known_yet_of_each_complaint_by_turns_and_four_times_at_most(
    book: AskBack, text: str, signs: list[str]
) -> None:
    assert asked_about(book, text) == signs


def test_a_complaint_that_was_asked_about_goes_on_where_the_conversation_was_cut(book: AskBack) -> None:
    asked = book.asked_in("先问几个问题。有没有闻到煤气味？\n\n本回答由人工智能生成。")
    assert asked is not None and asked.sign == "有煤气味"
    following = book.next_question("", [asked])
    assert following is not None and following.sign == "压力表在红区"
    assert book.asked_in("锅炉要每年检查。") is None


@pytest.mark.parametrize(
    ("answer", "statement"),
    [
        ("是", "有煤气味"),
        ("有的。", "有煤气味。有的。"),
        ("医生，有", "有煤气味。医生，有"),
        ("有，很浓", "有煤气味。有，很浓"),
        ("没有", ""),
        ("没有！", ""),
        ("没什么味道", "没什么味道"),
        ("没有，但是起火了", "没有，但是起火了"),
        ("不清楚", "有一项说不清"),
        ("不知道，我感冒了", "有一项说不清。不知道，我感冒了"),
        ("一股臭鸡蛋味", "有一项说不清。一股臭鸡蛋味"),
        ("要修多久，怎么修", "有一项说不清。要修多久，怎么修"),
        ("怎么修", None),
        ("有没有上门服务", None),
    ],
)
def test_what_an_answer_says(book: AskBack, answer: str, statement: str | None) -> None:
    assert book.statement(book.questions[0], answer) == statement


@pytest.mark.parametrize("own_words", ["炉子响。", "炉子响", "一句话。两句话。", ""])
def test_what_an_answer_shows_is_taken_out_again_and_nothing_else(book: AskBack, own_words: str) -> None:
    shown = "。".join(filter(None, (own_words, book.statement(book.questions[0], "是"))))
    assert shown != own_words and book.without_signs(shown) == own_words
    assert book.without_signs(own_words) == own_words


def test_what_is_unclear_counts_only_where_an_emergency_is_at_stake(book: AskBack) -> None:
    assert book.statement(book.questions[2], "不清楚") == ""


def test_a_sign_is_what_its_question_says_however_calm_the_own_words_are(triager: AnsweredTriager) -> None:
    shown = triager.triage("炉子响。有煤气味")
    assert (shown.level, shown.reasons, shown.advice) == ("emergency", ["有煤气味"], "请离开。")
    assert triager.triage("炉子响。有一项说不清").level == "urgent"
    assert triager.triage("起火了。小孩在旁边") == Triage(level="emergency", reasons=["起火"], advice="请离开。")
    assert triager.triage("起火了。有煤气味").reasons == ["起火", "有煤气味"]
    assert triager.triage("炉子响").level == "routine"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (("sign: 压力表在红区", "sign: 有煤气味"), "有煤气味: another question has this text"),
        (("ask: 压力表是不是在红区？", "ask: 有没有闻到煤气味？"), "another question has this text"),
        (("level: urgent, only", "level: routine, only"), "complaints.0.questions.2.level"),
        (("  unclear: [不清楚, 不知道]\n", ""), "answers.unclear"),
        (("[[(锅)…响, 异响]]", "[[(盆)…响]]"), "no words called 盆"),
    ],
)
def test_a_wrong_file_is_refused_by_key(tmp_path: Path, damage: tuple[str, str], message: str) -> None:
    file = tmp_path / "ask_back.yaml"
    file.write_text(FILE.replace(*damage, 1), encoding="utf-8")
    with pytest.raises(UserError, match=message) as problem:
        read_rules(file, AskBack, explained_in="domains/asking_back.py")
    assert "domains/asking_back.py" in problem.value.fix
