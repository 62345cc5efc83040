"""Which entries a question finds: one case for each cue, and what must find nothing."""

import pytest

from domains.domain import NO_KNOWLEDGE
from domains.instruments.knowledge_base import KNOWLEDGE as INSTRUMENTS
from domains.retrieval.retriever import Retriever


def names(retriever: Retriever, question: str, earlier: tuple[str, ...] = ()) -> list[str]:
    return [found.entry.name for found in retriever.retrieve(question, earlier).found]


@pytest.mark.parametrize(
    ("question", "name", "how"),
    [
        ("痛风为什么会痛", "痛风", "name"),
        ("血压高要注意什么", "高血压", "alias"),
        ("医生说我是小三阳", "慢性乙型肝炎", "lay"),
        ("必理通和咖啡", "对乙酰氨基酚", "trade"),
        ("确诊了SLE怎么办", "系统性红斑狼疮", "abbreviation"),
        ("攝護腺肥大要開刀嗎", "前列腺增生症", "regional"),
        ("糖尿病平时吃什么", "2型糖尿病", "broader"),
        ("阿莫西琳饭前吃还是饭后吃", "阿莫西林", "spelling"),
        ("半夜大脚趾忽然又红又肿，被子碰到都疼", "痛风", "description"),
    ],
)
def test_each_cue_leads_to_its_entry_and_says_so(retriever: Retriever, question: str, name: str, how: str) -> None:
    first = retriever.retrieve(question).found[0]
    assert (first.entry.name, first.how) == (name, how)


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("ＨＢＰ能运动吗", "高血压"),
        ("二型糖尿病能治好吗", "2型糖尿病"),
        ("第二型糖尿病能治好吗", "2型糖尿病"),
        ("Ⅱ型糖尿病能治好吗", "2型糖尿病"),
        ("gaoxueya怎么办", "高血压"),
        ("gao xue ya 怎么办", "高血压"),
        ("慢性阻性肺疾病怎么护理", "慢性阻塞性肺疾病"),
        ("乙醯胺酚一天幾顆", "对乙酰氨基酚"),
    ],
)
def test_other_ways_of_writing_it_find_the_same(retriever: Retriever, question: str, name: str) -> None:
    assert names(retriever, question)[0] == name


def test_a_misspelt_name_is_not_the_shorter_one_inside_it(retriever: Retriever) -> None:
    assert "麻疹" not in names(retriever, "寻麻疹能吃虾不")[:1]
    assert names(retriever, "寻麻疹能吃虾不")[0] == "荨麻疹"


def test_a_word_for_several_finds_each_of_them(retriever: Retriever) -> None:
    found = names(retriever, "中风有哪些先兆")
    assert {"脑梗死", "脑出血", "短暂性脑缺血发作", "蛛网膜下腔出血"} <= set(found[:5])


def test_of_two_entities_both_are_on_top(retriever: Retriever) -> None:
    assert set(names(retriever, "阿司匹林和氯吡格雷一起吃会不会出血")[:2]) == {"阿司匹林", "氯吡格雷"}


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("请简要解释麦粒肿的含义。", "麦粒肿"),
        ("请列举洛哌丁胺的常见副作用。", "洛哌丁胺"),
        ("护理食物中毒患者，要防传染吗？", "食物中毒"),
        ("什么情况下不能碰吡嗪酰胺？", "吡嗪酰胺"),
        ("抽屉里翻出两包思密达，这是治啥的来着", "蒙脱石散"),
    ],
)
def test_a_verb_or_a_number_before_a_name_does_not_belong_to_it(question: str, name: str, retriever: Retriever) -> None:
    assert name in retriever.retrieve(question).topic[0].entry.names


def test_a_disease_and_a_symptom_of_one_name_are_both_found(retriever: Retriever) -> None:
    assert [found.entry.type for found in retriever.retrieve("脱发怎么办").topic] == ["disease", "symptom"]


@pytest.mark.parametrize(
    "question",
    [
        "你好",
        "谢谢医生，再见",
        "好嘞谢谢你啊，讲得挺明白的",
        "？？？",
        "今天天气怎么样",
        "手机发热怎么办",
        "地中海贫血能结婚吗",
        "精索静脉曲张影响生孩子吗",
        "玫瑰痤疮怎么护肤",
        "厄贝沙坦早上吃吗",
        "辛伐他汀能和柚子一起吃吗",
        "头孢地尼饭后吃吗",
        "维生素C泡腾片怎么吃",
        "先天性心脏病能手术吗",
        "想打司美格鲁肽减肥，副作用都有啥",
        "胰腺癌早期有哪些症状",
        "This is as good as it gets",
    ],
)
def test_what_is_not_there_finds_nothing(retriever: Retriever, question: str) -> None:
    assert retriever.retrieve(question).found == ()


@pytest.mark.parametrize("question", ["孩子贫血吃什么", "头孢能和酒一起吗", "吃他汀要查什么", "我得了痤疮"])
def test_the_same_words_alone_are_found(retriever: Retriever, question: str) -> None:
    assert retriever.retrieve(question).found


def test_latin_letters_count_as_whole_words_alone(retriever: Retriever) -> None:
    assert retriever.retrieve("RA怎么确诊").found[0].matched == "ra"
    assert all(found.matched != "ra" for found in retriever.retrieve("camera坏了").found)
    assert retriever.retrieve("CKD3期能吃多少蛋白").found[0].matched == "ckd"


def test_a_question_without_a_name_is_about_what_was_asked_before(retriever: Retriever) -> None:
    first = retriever.retrieve("会传染给孩子吗", ("慢性乙型肝炎有哪些症状", "谢谢", "要不要吃药")).found[0]
    assert (first.entry.name, first.how) == ("慢性乙型肝炎", "earlier")


@pytest.mark.parametrize("question", ["那痛风呢，能喝吗", "换个问题，痛风会传染吗", "痛风能治好吗"])
def test_a_question_that_begins_with_its_own_name_changes_the_subject(retriever: Retriever, question: str) -> None:
    assert names(retriever, question, ("高血压能喝酒吗",))[0] == "痛风"
    assert "高血压" not in names(retriever, question, ("高血压能喝酒吗",))[:2]


def test_what_a_follow_up_names_besides_comes_second(retriever: Retriever) -> None:
    assert names(retriever, "口干是它引起的吗", ("噻托溴铵怎么吸",))[0] == "噻托溴铵"
    assert "口干" in names(retriever, "口干是它引起的吗", ("噻托溴铵怎么吸",))


def test_an_unknown_name_does_not_inherit_what_was_asked_before(retriever: Retriever) -> None:
    assert names(retriever, "那厄贝沙坦呢", ("缬沙坦怎么吃",)) == []


def test_thanks_do_not_inherit_either(retriever: Retriever) -> None:
    assert names(retriever, "好的，谢谢", ("痛风怎么办",)) == []


def test_the_topic_is_what_was_named_and_not_what_is_merely_alike(retriever: Retriever) -> None:
    retrieved = retriever.retrieve("高血压有哪些症状？")
    assert [found.entry.name for found in retrieved.topic] == ["高血压"]
    assert len(retrieved.found) > 1 and retrieved.found[1].how == "description"


def test_a_knowledge_base_without_a_lexicon_is_searched_too() -> None:
    instruments = Retriever(INSTRUMENTS.load())
    assert names(instruments, "电子天坪怎么保养")[0] == "电子天平"
    assert names(instruments, "今天天气怎么样") == []


def test_without_a_knowledge_base_nothing_is_found() -> None:
    assert Retriever(NO_KNOWLEDGE).retrieve("高血压怎么办").found == ()
