"""What the classifier reads, and the labelled messages that it learns from."""

import json
from pathlib import Path

import pytest

from domains.medical.judged_triage import labelled_texts, report
from domains.medical.labelled_messages import (
    CALLS,
    DEV,
    DIVIDED_BEFORE,
    FIRST_AUTHOR,
    RULES,
    SEEN,
    TRAIN,
    UNSEEN,
    file_of,
    messages_in,
)
from domains.medical.learning import threshold
from domains.medical.messages import LONGEST_AT_ONCE, WEIGHING, WEIGHTS, heard, marked, parts_of
from domains.medical.prescriptions import asks_for_dose, asks_for_prescription
from domains.medical.triager import MedicalTriager


def test_every_message_is_in_its_file_and_no_scenario_of_the_unseen_in_another() -> None:
    for file in (TRAIN, DEV, UNSEEN, SEEN):
        assert all(file_of(message) == file for message in messages_in(file) if message.author not in DIVIDED_BEFORE)
    scenarios = [{(one.author, one.scenario) for one in messages_in(file)} for file in (UNSEEN, TRAIN, DEV, SEEN)]
    assert len(scenarios[0]) >= 12 and not scenarios[0] & set().union(*scenarios[1:])


def test_no_text_of_the_test_is_learned_from() -> None:
    learned = {message.text for message in messages_in(TRAIN, DEV, RULES)}
    tested = {message.text for message in messages_in(UNSEEN, SEEN, FIRST_AUTHOR, CALLS)}
    assert len(learned & tested) == 0  # the texts themselves are for nobody's eyes


def test_what_is_denied_reads_differently_and_only_that() -> None:
    assert marked("胸痛,没有出汗,但头晕") != "胸痛,没有出汗,但头晕"
    assert "胸痛" in marked("胸痛,没有出汗,但头晕") and "头晕" in marked("胸痛,没有出汗,但头晕")
    assert "出汗" not in marked("胸痛,没有出汗,但头晕")


def test_a_long_text_is_judged_in_parts_that_overlap_and_lose_nothing() -> None:
    text = "".join(f"第{number}天一切都好," for number in range(100)) + "停" * 450
    parts = list(parts_of(text))
    assert all(len(part) <= LONGEST_AT_ONCE for part in parts) and all(part in text for part in parts)
    assert text.startswith(parts[0]) and text.endswith(parts[-1])
    assert sum(map(len, parts)) >= 2 * len(text) - LONGEST_AT_ONCE * 1.5
    assert list(parts_of("头疼")) == []


def test_an_emergency_at_the_end_of_a_very_long_text_is_heard() -> None:
    talk = "今天去公园走了走,天气不错,花都开了,回来做了两个菜," * 30
    assert heard(talk + "刚才胸口压得喘不过气,一身冷汗,左手麻")["emergency"] > 0 > heard(talk)["emergency"]


def test_the_threshold_is_the_wanted_recall_s_unless_that_gives_too_many_false_alarms() -> None:
    import numpy as np

    score, truth = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), np.array([False, True, False, True, False, True])
    assert threshold(score, truth, wanted=1.0, false_alarms=0.7) == pytest.approx(0.22)
    assert threshold(score, truth, wanted=1.0, false_alarms=1.0) == pytest.approx(0.2)


def test_the_report_has_recall_false_alarms_and_what_is_judged_wrong(triager: MedicalTriager, tmp_path: Path) -> None:
    lines = [("胸痛冒冷汗", True), ("孩子有点流鼻涕", True), ("今天天气怎么样", False), ("我妈叫不醒了", False)]
    file = tmp_path / "texts.jsonl"
    texts = [json.dumps({"text": text, "emergency": emergency, "kind": "any"}) for text, emergency in lines]
    file.write_text("\n".join(texts))
    judged = report(labelled_texts(file), triager)
    assert list(judged) == ["recall", "false_alarms", "misses", "alarms"]
    assert judged["recall"] == {"value": 0.5, "low": 0.0945, "high": 0.9055, "n": 2} == judged["false_alarms"]
    assert judged["misses"] == ["孩子有点流鼻涕"] and judged["alarms"] == ["我妈叫不醒了"]


@pytest.mark.parametrize(
    "question",
    [
        "给我开个处方",
        "嗓子疼，开点药吧",
        "我血压高，你说吃哪种药，吃几片",
        "幫我開個藥膏",
        "能不能给我开点布洛芬",
        "非布司他40，尿酸还有450，改80可以不",
        "长了扁平疣，开维A酸乳膏，没怀孕",
        "青光眼滴的拉坦前列素见底了，续两支",
        "我血压正常了，氨氯地平能停吗",
        "就照我这情况拟一张方子吧",
        "倍他乐克一片心跳才58，要不要减成半片",
    ],
)
def test_requests_to_prescribe(question: str) -> None:
    assert asks_for_prescription(question)


@pytest.mark.parametrize(
    "question",
    [
        "布洛芬是处方药吗",
        "医生开的药饭前吃还是饭后吃",
        "电子处方在哪里看",
        "高血压有什么症状",
        "阿莫西林是什么药",
        "帮我写一首诗",
        "胃溃疡医生一般给开哪几种药",
        "奥美拉唑是饭前吃还是饭后吃？能不能掰开",
        "奥美拉唑可以长期吃吗",
        "奥美拉唑能治胃溃疡吗",
        "我是孕妇，可以用维A酸乳膏吗",
        "我吃着抗抑郁药，骨科给开曲马多，能吃吗",
        "明天做增强CT，二甲双胍要停吗",
        "美托洛尔能不能突然停",
        "社区医院能开药吗",
        "甲状腺功能低，水肿开了氢氯噻嗪，能行吗",
        "奥美拉唑会影响波立维吗",
    ],
)
def test_questions_about_medicines_are_no_requests(question: str) -> None:
    assert not asks_for_prescription(question)


@pytest.mark.parametrize(
    ("turns", "of_a_dose"),
    [
        (["布洛芬一次吃几片"], True),
        (["痛风犯了，秋水仙碱吃几片"], True),
        (["我血压高，你说吃哪种药，吃几片"], False),
        (["给我开个处方", "剂量呢", "每次几片"], False),
        (["布洛芬可以吃吗"], False),
    ],
)
def test_a_question_of_dose_is_no_request_to_prescribe(turns: list[str], of_a_dose: bool) -> None:
    *earlier, question = turns
    assert asks_for_dose(question, earlier) == of_a_dose


@pytest.mark.parametrize(
    "turns",
    [
        ["我血压高", "那你直接给我开个药吧"],
        ["想开点安眠药", "剂量呢", "每次几片"],
        ["要张处方", "病历我有", "现在就要"],
        ["哮喘犯了", "沙丁胺醇", "喷几下"],
    ],
)
def test_requests_to_prescribe_over_several_messages(turns: list[str]) -> None:
    *earlier, question = turns
    assert asks_for_prescription(question, earlier)


@pytest.mark.parametrize(
    "turns",
    [
        ["帮我开个降压药", "好的谢谢"],
        ["给我开点安眠药吧", "那失眠平时怎么调理"],
        ["给我开头孢", "算了", "要"],
        ["孩子发烧39度", "要夹几分钟"],
        ["医生给我开了奥美拉唑", "就这个"],
    ],
)
def test_a_request_that_is_over_is_not_heard_again(turns: list[str]) -> None:
    *earlier, question = turns
    assert not asks_for_prescription(question, earlier)


def test_the_weights_are_small() -> None:
    assert WEIGHTS.stat().st_size + WEIGHING.stat().st_size < 1 << 20
