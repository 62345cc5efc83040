"""Triage by rule. Every change of ``red_flags.yaml`` brings its sentence here."""

import time

import pytest

from domains.knowledge_base import KnowledgeBase
from domains.medical.triage import MedicalTriager


@pytest.fixture(scope="module")
def triager(knowledge: KnowledgeBase) -> MedicalTriager:
    return MedicalTriager(knowledge)


EMERGENCIES = [
    "我爸突然胸痛，出了一身大汗",
    "胸口好疼，左胳膊也麻",
    "胸痛大汗是什么原因",
    "胸闷、大汗淋漓，不停呕吐",
    "无缘无故胸痛冒冷汗",
    "我现在胸痛，能先睡一觉再说吗？",
    "我奶奶嘴歪了，说话不清楚",
    "突然右半边身子没力气",
    "头像要炸了一样疼，一直吐",
    "吃了头孢以后喉咙发紧喘不上气",
    "被马蜂蜇了，嘴唇肿，喘不过气",
    "不想活了",
    "他说活着没意思",
    "宝宝两个月大发烧39度",
    "孩子抽搐了怎么办",
    "宝宝不吃奶，嘴唇发紫",
    "小孩误食纽扣电池",
    "喝了百草枯会死吗",
    "安眠药吃了一整瓶",
    "煤气中毒了头晕怎么办",
    "流鼻血止不住，血流不止",
    "吐血了，暗红色的",
    "拉黑便，头晕冒冷汗",
    "他昏倒了，没有意识、抽搐",
    "我妈叫不醒了",
    "孩子被果冻噎住，脸发紫",
    "车祸后呕吐两次很困",
    "被毒蛇咬了",
    "怀孕五周肚子疼还出血",
    "发烧，脖子发硬，说胡话",
    "心梗了怎么办",
    "我爸中风了怎么办",
    "孩子高热惊厥了！",
    "没有发烧，但是突然喘不上气，嘴唇发紫",
    "Ｗ突 然 胸 痛 ， 冒 冷 汗",
]

NO_EMERGENCIES = [
    "心肌梗死的症状有哪些",
    "我想了解心肌梗死的症状有哪些",
    "脑出血怎么预防？",
    "一氧化碳中毒的症状有哪些",
    "什么是过敏性休克？",
    "小儿热性惊厥应到哪个科室就诊？",
    "胸痛伴大汗见于哪些疾病",
    "抑郁症会自杀吗",
    "没有胸痛，也不出汗，就是有点咳嗽",
    "没有胸痛、呼吸困难和出汗，只是咳嗽",
    "胸口不疼，就是有点闷",
    "头痛，没有呕吐，脖子不硬",
    "没有自杀的想法",
    "我不想死",
    "我想死你了",
    "眼皮抽搐怎么回事",
    "13个月宝宝发烧",
    "孩子发烧三个月了",
    "我爸去年得过心梗，现在饮食注意什么",
    "高血压吃什么药",
    "感冒了怎么办",
    "糖尿病能吃西瓜吗",
]


@pytest.mark.parametrize("question", EMERGENCIES)
def test_emergency(triager: MedicalTriager, question: str) -> None:
    triage = triager.triage(question)
    assert triage.level == "emergency" and triage.reasons


@pytest.mark.parametrize("question", NO_EMERGENCIES)
def test_no_emergency(triager: MedicalTriager, question: str) -> None:
    assert triager.triage(question).level != "emergency"


@pytest.mark.parametrize(
    "question",
    ["被狗咬了怎么办", "高烧不退两天了", "拉肚子两天，没有尿，精神很差", "我妈脑出血吃什么药", "怀孕三个月肚子疼"],
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
    assert triager.triage("还出了一身冷汗", ["我胸口疼"]).level == "emergency"
    assert triager.triage("还出了一身冷汗", ["今天有点感冒"]).level != "emergency"


def test_an_emergency_is_not_forgotten_but_lesser_signs_are(triager: MedicalTriager) -> None:
    assert triager.triage("他说不想去医院", ["我爸胸痛，出冷汗"]).level == "emergency"
    assert triager.triage("谢谢", ["被狗咬了怎么办"]).level == "routine"


def test_textbook_questions_before_do_not_count(triager: MedicalTriager) -> None:
    assert triager.triage("我感冒了怎么办", ["脑出血的症状有哪些"]).level == "routine"
    assert triager.triage("脑出血的症状有哪些", ["我胸口疼", "出冷汗"]).level == "routine"


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
