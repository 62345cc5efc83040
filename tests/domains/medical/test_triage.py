"""Triage by rules and classifier. Every change of ``red_flags.yaml`` brings its sentence here or to ``rules.jsonl``."""

import time

import pytest

from domains.medical.labelled_messages import RULES, messages_in
from domains.medical.triager import RED_FLAGS, MedicalTriager, RedFlags
from domains.safety_rules import read_rules


def test_what_the_rules_authors_wrote(triager: MedicalTriager) -> None:
    """Everyday wordings of each kind of emergency, and what sounds like one: text books, the past, jests."""
    wrong = [
        message.text
        for message in messages_in(RULES)
        if message.author == "rules" and (triager.triage(message.text).level == "emergency") != message.emergency
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "question",
    [
        "没有呼吸困难", "没有意识障碍", "不是大出血", "未曾晕厥", "我没有想自杀，就是工作压力大", "跳楼机好玩吗",
        "想死记硬背", "爷爷生前就是脑梗走的", "今天天气怎么样？", "谢谢，我爸已经脱离危险出院了",
        "心肌梗死的症状有哪些", "什么是过敏性休克？",
        "再见", "好的，再见", "在吗 吃了没", "您好，吃饭了吗？", "谢谢医生，再见！", "发烧抽了血，结果怎么看",
    ],
)  # fmt: skip
def test_denials_substrings_thanks_and_text_books_raise_no_alarm(triager: MedicalTriager, question: str) -> None:
    assert triager.triage(question).level != "emergency"


@pytest.mark.parametrize(
    "question",
    [
        "胸痛冒冷汗左臂发麻，和胃痛有什么区别", "叫不醒，是什么意思", "哮喘发作喘不上气嘴唇发紫严重吗",
        "出院后心梗又犯了", "割了手腕", "跳了楼", "心跳没了", "怎么叫也不醒",
        "娃烧到39度5抽了一下", "再见了，这个世界", "宝宝2月龄发烧", "孩子60天发烧38度5", "八周的宝宝发烧", "我想自殺",
    ],
)  # fmt: skip
def test_neither_a_question_nor_aspect_order_number_or_script_hides_an_emergency(
    triager: MedicalTriager, question: str
) -> None:
    triage = triager.triage(question)
    assert triage.level == "emergency" and triage.reasons and triage.disposition == "120"


@pytest.mark.parametrize(
    "question",
    [
        "考研压力太大，我想死了",
        "我是医学生，我爸突然胸痛冒冷汗",
        "干活的时候突然吐血",
        "他难受得晕倒了",
        "呼吸困难，晕倒了",
        "吃饭噎住说不出话，脸憋紫了",
        "玩电脑玩着玩着突然昏迷",
        "在公司突然大出血",
        "系统性红斑狼疮，现在昏迷了",
        "我以前就想死，现在更想了",
    ],
)
def test_jests_examinations_and_the_past_hide_no_emergency(triager: MedicalTriager, question: str) -> None:
    assert triager.triage(question).level == "emergency"


@pytest.mark.parametrize(
    ("question", "level"),
    [
        ("我奶奶血氧85", "emergency"),
        ("HR 29 BP 76/40", "emergency"),
        ("HR 72，BP 118/76", "routine"),
        ("孕37周，胎心70", "emergency"),
        ("血钾7.2，透析漏了一次", "emergency"),
        ("出生十二天，量38.3度", "emergency"),
        ("我奶奶血氧97%，吸氧3升", "routine"),
        ("我爸血压72/40", "emergency"),
        ("我爸血压125/75", "routine"),
        ("测血糖2.3", "emergency"),
        ("空腹血糖5.3", "routine"),
        ("体温四十一度了", "emergency"),
        ("两个月的宝宝烧到三十八度五", "emergency"),
        ("一岁两个月宝宝低烧", "routine"),
        ("爺爺突然說話不清楚，嘴歪", "emergency"),
        ("没有发烧 喘不上气 嘴唇发紫", "emergency"),
    ],
)
def test_readings_script_and_spaces(triager: MedicalTriager, question: str, level: str) -> None:
    assert triager.triage(question).level == level


def test_a_message_takes_milliseconds(triager: MedicalTriager) -> None:
    messages = [message.text for message in messages_in(RULES)[::8]]
    for message in messages:
        triager.triage(message)
    started = time.process_time()
    for message in messages:
        triager.triage(message)
    assert (time.process_time() - started) / len(messages) < 0.006


@pytest.mark.parametrize(
    "question",
    ["被狗咬了一口，皮破了，出了点血", "高烧不退两天了", "拉肚子两天，没有尿，精神很差"],
)
def test_urgent(triager: MedicalTriager, question: str) -> None:
    assert triager.triage(question).level == "urgent"


def test_a_textbook_question_about_an_emergency_says_what_to_do_if_it_happens(triager: MedicalTriager) -> None:
    triage = triager.triage("脑出血的症状有哪些")
    assert triage.level == "routine" and triage.reasons == []
    assert "120" in triage.advice


def test_danger_to_oneself_gets_its_own_advice(triager: MedicalTriager) -> None:
    assert "12356" in triager.triage("不想活了").advice


def test_signs_add_up_over_a_conversation(triager: MedicalTriager) -> None:
    assert triager.triage("左胳膊也麻", ["我胸口疼，出冷汗"]).level == "emergency"
    assert triager.triage("还流鼻涕", ["今天有点感冒"]).level != "emergency"


@pytest.mark.parametrize("question", ["他说不想去医院", "救护车多久到", "要不要躺下", "那我先给他吃点药行吗"])
def test_an_emergency_is_not_forgotten(triager: MedicalTriager, question: str) -> None:
    assert triager.triage(question, ["我爸胸痛，出冷汗"]).level == "emergency"


@pytest.mark.parametrize("question", ["今天天气怎么样？", "谢谢，我爸已经脱离危险出院了", "高血压能吃什么水果"])
def test_an_alarm_ends_when_the_conversation_has_moved_on(triager: MedicalTriager, question: str) -> None:
    assert triager.triage(question, ["我爸胸痛，出冷汗"]).level == "routine"
    assert triager.triage("他有点低烧", ["我爸胸痛，出冷汗", question]).level != "emergency"


def test_a_complaint_that_can_wait_is_told_what_to_watch_and_when_to_come_back(triager: MedicalTriager) -> None:
    home, days = triager.triage("流鼻涕两天，不发烧，能吃能睡"), triager.triage("咳嗽三周了，没痰，晚上重")
    assert home.disposition == "home" and "观察" in home.advice and "120" in home.advice
    assert days.disposition == "days" and "门诊" in days.advice


def test_an_unconditional_sign_counts_whatever_else_is_said(triager: MedicalTriager) -> None:
    assert triager.triage("谢谢医生，保险能报吗，血氧85").level == "emergency"


def test_signs_of_the_knowledge_base_count(triager: MedicalTriager) -> None:
    triage = triager.triage("我高血压，今天肢体无力")
    assert triage.level == "emergency"
    assert any("就医信号" in reason or "卒中" in reason for reason in triage.reasons)


def test_work_grows_with_the_length_of_a_text_not_with_its_square(triager: MedicalTriager) -> None:
    """Four times the text takes four times the processor time; were it quadratic, it would be sixteen times."""

    def seconds(repeats: int) -> float:
        started = time.process_time()
        triager.triage("胸口不疼没有呼吸困难" * repeats)
        return time.process_time() - started

    assert seconds(800) < 8 * seconds(200)


def test_a_goodbye_after_talk_of_dying_is_read_with_it(triager: MedicalTriager) -> None:
    assert triager.triage("再见", ["我不想活了"]).level == "emergency"


@pytest.mark.parametrize(
    "question",
    [
        "孩子发烧抽筋了怎么办", "孩子發燒抽筋了怎麼辦", "发烧抽筋怎么处理", "孩子抽筋了怎么办", "宝宝发热惊厥怎么办",
        "娃发烧抽筋咋整", "我孙子惊厥怎么办", "闺女抽搐了怎么处理", "老妈昏迷怎么办", "孩子吞了纽扣电池怎么办",
    ],
)  # fmt: skip
def test_who_asks_what_to_do_about_a_sign_calls_for_help(triager: MedicalTriager, question: str) -> None:
    assert triager.triage(question).level == "emergency"


@pytest.mark.parametrize(
    "question",
    [
        "小腿抽筋怎么办", "半夜腿抽筋疼醒怎么办", "孩子晚上睡觉腿抽筋怎么办", "运动完抽筋怎么处理",
        "孩子抽筋是不是缺钙", "宝宝发烧会抽筋吗", "孩子发烧抽筋怎么预防", "孩子抽筋过一次，还会再抽吗",
        "爷爷去年抽搐住院，现在吃药，能停吗",
        "孩子咳嗽怎么办", "老人腰疼怎么处理", "肺炎会不会传染给宝宝啊", "hi", "Hello", "thanks doctor", "早",
    ],
)  # fmt: skip
def test_cramps_the_past_small_talk_and_what_is_asked_to_know_raise_no_alarm(
    triager: MedicalTriager, question: str
) -> None:
    assert triager.triage(question).level == "routine"


def test_every_advice_in_an_emergency_names_the_number_to_call() -> None:
    flags = read_rules(RED_FLAGS, RedFlags)
    own = [rule.advice for rule in flags.rules if rule.level == "emergency" and rule.advice]
    told = [flags.levels["emergency"].answer, flags.heard.self_harm.advice, *own]
    assert len(own) >= 4 and all("120" in advice for advice in told)


@pytest.mark.parametrize(
    "statement",
    [
        "我在外地打工。", "我在工地上班。", "我一个人住", "我在医院", "我在北京。", "我是农民", "我在家",
        "我住五楼", "我在学校", "我儿子在外地上大学", "我家在镇上。", "我在邮局上班", "我在非洲修路。", "我是裁缝",
        "我妈自己在家。", "我住十二楼。",
    ],
)  # fmt: skip
def test_what_somebody_says_of_himself_is_no_emergency(triager: MedicalTriager, statement: str) -> None:
    assert triager.triage(statement).level == "routine"


@pytest.mark.parametrize(
    "question",
    [
        "我在外地，高血压药吃完了怎么办", "我在外地，降压药没带", "我在外地，头疼", "我头晕", "我在邮局上班，手有点干",
        "我是糖尿病人", "我爸有糖尿病", "我妈有痛风", "37.5", "没量", "没有",
    ],
)  # fmt: skip
def test_neither_a_need_nor_an_old_disease_nor_an_answer_is_for_today(triager: MedicalTriager, question: str) -> None:
    assert triager.triage(question).level == "routine"


@pytest.mark.parametrize(
    "statement",
    [
        "我在外地，我妈一个人在家晕倒了", "我在工地，胸口疼得冒冷汗", "我在家，不想活了",
        "我住五楼，想跳下去", "我在桥上，不想回去了",
        "我是糖尿病人，出冷汗，人迷糊", "我头晕，一边手脚没劲", "我一个人住，药都吃下去了", "谢谢你们，我走了，别找我",
    ],
)  # fmt: skip
def test_who_begins_like_that_and_is_in_danger_is_heard(triager: MedicalTriager, statement: str) -> None:
    assert triager.triage(statement).level == "emergency"


@pytest.mark.parametrize("question", ["血压150/95要吃药吗", "空腹血糖8.5正常吗", "血压146/93用吃药吗"])
def test_a_reading_that_is_asked_about_belongs_in_a_clinic(triager: MedicalTriager, question: str) -> None:
    assert triager.triage(question).disposition == "days"


@pytest.mark.parametrize("statement", ["我在外地打工。", "我是农民", "我住五楼"])
def test_a_statement_ends_no_alarm(triager: MedicalTriager, statement: str) -> None:
    assert triager.triage(statement, ["我爸胸痛，出冷汗"]).level == "emergency"


@pytest.mark.parametrize("courtesy", ["谢谢", "好的", "谢谢医生，再见"])
def test_thanks_get_no_advice(triager: MedicalTriager, courtesy: str) -> None:
    assert triager.triage(courtesy, ["我有点咳嗽"]).advice == ""


def test_a_bite_is_washed_and_vaccinated_today(triager: MedicalTriager) -> None:
    triage = triager.triage("被狗咬了")
    assert triage.disposition == "today" and "肥皂水" in triage.advice and "当天" in triage.advice
