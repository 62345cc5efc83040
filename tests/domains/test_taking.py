"""Whether somebody may take a medicine: what is asked, in any wording, and what the entry holds against it."""

from collections.abc import Sequence

import pytest

from domains.conditions import Conditions
from domains.domain import find_domain
from domains.knowledge_base import KnowledgeBase
from domains.retrieval.retriever import retriever_of
from domains.taking import AnswerOfTaking, MayTake, Taking


@pytest.fixture(scope="module")
def taking(knowledge: KnowledgeBase) -> Taking:
    language = find_domain("medical").taking
    assert language is not None
    return Taking(language, knowledge)


def asked(taking: Taking, question: str, earlier: Sequence[str] = ()) -> MayTake | None:
    return taking.asked(question, retriever_of(taking._knowledge).retrieve(question, earlier), earlier)


def answered(taking: Taking, question: str, earlier: Sequence[str] = ()) -> AnswerOfTaking:
    may_take = asked(taking, question, earlier)
    assert may_take is not None
    return taking.answer(may_take)


def first_item(answer: AnswerOfTaking) -> str:
    """What is said first of all."""
    return answer.quotations[0].text.partition("：")[2].partition("、")[0].rstrip("。")


@pytest.mark.parametrize(
    "may", ["可以吃布洛芬吗", "能吃布洛芬吗", "敢不敢吃布洛芬", "吃布洛芬要不要紧", "吃布洛芬行不", "布洛芬能不能用"]
)
@pytest.mark.parametrize("told", ["我有胃溃疡", "我妈十二指肠溃疡", "有胃潰瘍的人"])
@pytest.mark.parametrize("joint", ["，", "", " "])
def test_a_circumstance_is_heard_in_any_wording(taking: Taking, told: str, joint: str, may: str) -> None:
    for question in (told + joint + may, f"{may}，{told}"):
        answer = answered(taking, question)
        assert first_item(answer) == "活动性消化性溃疡或出血" and not answer.unspoken, question


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("我磺胺过敏，可以吃塞来昔布吗", "磺胺类过敏"),
        ("我心衰，可以吃塞来昔布吗", "重度心力衰竭"),
        ("我青霉素过敏可以吃阿莫西林吗", "青霉素过敏"),
        ("我對青黴素過敏，可以吃阿莫西林嗎", "青霉素过敏"),
        ("青霉素皮试过不了能吃阿莫西林不", "青霉素过敏"),
        ("我肾不好，可以吃二甲双胍吗", "严重肾功能不全"),
        ("我对头孢过敏，可以打头孢曲松吗", "头孢菌素过敏"),
        ("39周了随时要生，呋喃妥因还能吃吗", "足月孕妇"),
        ("小孩13岁，能吃左氧氟沙星吗", "未满十八岁者"),
        ("我有G6PD缺乏，呋喃妥因能用吗", "葡萄糖六磷酸脱氢酶缺乏"),
        ("怀孕了，一直在吃依那普利，要停吗", "妊娠期"),
        ("我有胃溃疡，布洛芬怎么吃", "活动性消化性溃疡或出血"),
        ("胃溃疡可以吃奥美拉唑吗", "消化性溃疡"),
    ],
)
def test_what_speaks_of_it_comes_first(taking: Taking, question: str, first: str) -> None:
    answer = answered(taking, question)
    assert first_item(answer) == first and not answer.unspoken
    assert "禁忌" in {quotation.attribute for quotation in answer.quotations}


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("孩子2个月能吃布洛芬吗", "六月龄以下婴儿不用"),
        ("宝宝半岁能吃布洛芬吗", "六月龄以下婴儿不用"),
        ("40天的婴儿能用复方磺胺甲噁唑吗", "小于两个月的婴儿"),
        ("宝宝一岁半能吃右美沙芬吗", "两岁以下幼儿不用"),
        ("我妈82了能吃左氧氟沙星吗", "老年人慎用"),
        ("感冒能吃阿莫西林吗", "对感冒等病毒感染无效"),
        ("普通感冒能吃奥司他韦吗", "对普通感冒无效"),
        ("心跳只有45下，美托洛尔还能吃吗", "严重心动过缓"),
        ("备孕能吃立普妥吗", "妊娠和哺乳期"),
        ("支架术后腰疼能用扶他林吗", "心脑血管病患者慎用"),
        ("做过乳腺癌手术能吃黄体酮吗", "乳腺癌"),
        ("地高辛天天吃的老人 可以吃克拉霉素吗", "可升高地高辛血药浓度"),
        ("尿酸高吃着别嘌呤醇 安灭菌可以一起吃不", "与别嘌醇合用皮疹增多"),
        ("胃药达喜天天吃 希舒美一起吃有影响吗", "含铝镁抗酸药会降低吸收"),
        ("吃了感冒灵还能吃对乙酰氨基酚吗", "避免与含同成分的感冒药同服"),
        ("思密达能跟别的药一起喝不", "与其他口服药间隔一至两小时"),
    ],
)
def test_ages_figures_and_reasons_are_understood(taking: Taking, question: str, first: str) -> None:
    answer = answered(taking, question)
    assert first_item(answer) == first and not answer.unspoken


@pytest.mark.parametrize("question", ["孩子8个月能吃布洛芬吗", "刚满月的宝宝能用对乙酰氨基酚吗"])
def test_an_age_that_an_entry_does_not_speak_of_is_told(taking: Taking, question: str) -> None:
    [told] = answered(taking, question).unspoken.values()
    assert told in (("孩子8个月",), ("刚满月",))


def test_how_long_somebody_is_ill_is_no_age(taking: Taking) -> None:
    assert list(answered(taking, "宝宝咳嗽2个月了能吃氨溴索吗").unspoken.values()) == [("宝宝",)]


def test_another_illness_is_not_what_a_medicine_is_for(taking: Taking) -> None:
    assert "适应症" not in {one.attribute for one in answered(taking, "流感能吃阿莫西林吗").quotations}


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("我有红斑狼疮，可以吃布洛芬吗", "红斑狼疮"),
        ("对花生过敏，阿莫西林行不行", "花生过敏"),
        ("在喂奶，对乙酰氨基酚要不要紧", "喂奶"),
        ("我有痛风，可以吃阿莫西林吗", "痛风"),
        ("我妈瘫痪症，能吃阿莫西林吗", "瘫痪症"),
    ],
)
def test_what_the_entry_does_not_speak_of_is_told_beside_its_contraindications(
    taking: Taking, question: str, told: str
) -> None:
    answer = answered(taking, question)
    assert [quotation.attribute for quotation in answer.quotations] == ["禁忌"]
    assert list(answer.unspoken.values()) == [(told,)]


@pytest.mark.parametrize(
    ("question", "subject", "said"),
    [
        ("我在吃华法林，牙疼能吃点芬必得吗", "布洛芬", "与抗凝药同用增加出血"),
        ("阿司匹林跟华法林同时吃有没有影响", "阿司匹林", "与华法林同用增加出血"),
        ("避孕药一直在吃，现在加利福平可以不", "利福平", "可使口服避孕药失效"),
        ("吃降压药的可以吃布洛芬吗", "布洛芬", "可减弱降压药作用"),
        ("我正在吃氟西汀，可以加曲马多吗", "曲马多", "与抗抑郁药同用易诱发抽搐"),
        ("我在吃辛伐他汀，医生又开克拉霉素，一起吃有没有事", "克拉霉素", "禁与辛伐他汀合用"),
    ],
)
def test_what_is_taken_already_is_the_circumstance(taking: Taking, question: str, subject: str, said: str) -> None:
    may_take = asked(taking, question)
    assert may_take is not None and [entry.name for entry in may_take.medicines] == [subject]
    answer = taking.answer(may_take)
    [about_it] = [one for one in answer.quotations if one.title == subject and one.attribute == "相互作用"]
    assert said in about_it.text and not answer.unspoken


def test_both_entries_say_what_they_have_of_each_other(taking: Taking) -> None:
    titles = {one.title for one in answered(taking, "阿司匹林能和华法林一起吃吗").quotations}
    assert titles == {"阿司匹林", "华法林"}


def test_a_kind_of_antidepressant_is_not_another_kind(taking: Taking) -> None:
    answer = answered(taking, "我正在吃氟西汀，可以加曲马多吗")
    assert first_item(answer) != "正服单胺氧化酶抑制剂"


def test_of_several_entries_each_says_what_it_does_not_speak_of(taking: Taking) -> None:
    answer = answered(taking, "青霉素过敏的人可以用头孢吗")
    assert {one.title for one in answer.quotations} == {"头孢呋辛酯", "头孢克肟", "头孢曲松"}
    assert answer.unspoken == {"头孢曲松": ("青霉素过敏",)}


def test_what_was_told_before_still_counts(taking: Taking) -> None:
    assert first_item(answered(taking, "可以吃布洛芬吗", ["我有胃溃疡"])) == "活动性消化性溃疡或出血"


@pytest.mark.parametrize("question", ["我没有胃溃疡，可以吃布洛芬吗", "布洛芬可以吃吗"])
def test_who_tells_nothing_gets_the_contraindications(taking: Taking, question: str) -> None:
    may_take = asked(taking, question)
    assert may_take is not None and may_take.told == ()
    assert [one.attribute for one in taking.answer(may_take).quotations] == ["禁忌"]


@pytest.mark.parametrize(
    "question",
    [
        "布洛芬有什么禁忌",
        "布洛芬怎么吃",
        "布洛芬能饭前吃吗",
        "布洛芬可以掰开吃吗",
        "阿莫西林能治感冒吗",
        "高血压可以吃什么药",
        "高血压能喝酒吗",
        "老公痛风又犯了，平时嘴上要忌点啥，哪些能吃哪些不能吃",
        "那个止咳的糖浆孕妇能喝吗",  # whichever it is
        "医生开了达菲 忘了问咋吃了，有什么讲究",
        "我有高血压，氨氯地平怎么吃",
        "你好",
    ],
)
def test_other_questions_are_left_to_the_model(taking: Taking, question: str) -> None:
    assert asked(taking, question) is None


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("怀孕能吃异维A酸吗", "异维a酸"),
        ("氧氟沙星孕妇能吃吗", "氧氟沙星"),
        ("胃溃疡能吃泼尼松龙吗", "泼尼松龙"),
        ("罗红霉素孕妇可以吃吗", "罗红霉素"),
        ("孕妇能吃沙库巴曲缬沙坦吗", "沙库巴曲缬沙坦"),
        ("我有胃溃疡，可以吃右旋布洛芬吗", "右旋布洛芬"),
    ],
)
def test_no_other_entry_answers_for_a_medicine_that_has_none(taking: Taking, question: str, name: str) -> None:
    may_take = asked(taking, question)
    assert may_take is not None and may_take.elsewhere == (name,) and may_take.medicines == ()
    assert taking.answer(may_take).quotations == ()


def test_a_piece_of_a_medicine_is_no_other_medicine(taking: Taking) -> None:
    may_take = asked(taking, "我在吃华法林，头疼吃片布洛芬行不")
    assert may_take is not None and [entry.name for entry in may_take.medicines] == ["布洛芬"]


def test_kinds_are_under_what_they_are_kinds_of() -> None:
    conditions = Conditions("", "溃疡\n  胃溃疡 胃上有溃疡\n  口腔溃疡\n肾病 ~肌酐", "", "抗凝/止血 薄血药")
    [gastric] = conditions.named("胃溃疡")
    speaks, related = conditions.speaking_of(gastric.conditions), conditions.related_to(gastric.conditions)
    assert speaks.search("有溃疡者") and speaks.search("胃上有溃疡") and not speaks.fullmatch("口腔溃疡")
    assert related.search("口腔溃疡") and not related.search("肾病")
    [creatinine] = conditions.named("肌酐")
    assert conditions.speaking_of(creatinine.conditions).search("肾病")
    assert not conditions.speaking_of(creatinine.conditions).search("查肌酐")
    assert conditions.of_class("口服抗凝药") == conditions.of_class("止血药") != ()
