"""Whether a second question is about the first one."""

import json
from pathlib import Path

import pytest

from domains.medical import triage
from domains.retrieval.retriever import Retriever
from domains.retrieval.turns import completed

PAIRS = Path(triage.__file__).parent / "turns"


@pytest.mark.parametrize("question", ["要空腹吗", "正常值是多少", "它偏高怎么办", "孕妇能做吗", "那多少钱"])
def test_what_leaves_its_subject_out_is_about_what_was_asked_before(retriever: Retriever, question: str) -> None:
    assert retriever.is_follow_up(question, ["糖化血红蛋白多久查一次"])
    assert retriever.retrieve(question, ["糖化血红蛋白多久查一次"]).found[0].how == "earlier"


@pytest.mark.parametrize(
    "question", ["孕妇能吃螃蟹吗", "今天天气怎么样", "谢谢，已经出院了", "痛风能喝酒吗", "帮我写首诗"]
)
def test_what_names_its_own_subject_is_not(retriever: Retriever, question: str) -> None:
    assert not retriever.is_follow_up(question, ["糖化血红蛋白多久查一次"])
    assert all(found.how != "earlier" for found in retriever.retrieve(question, ["糖化血红蛋白多久查一次"]).found)


def test_what_the_entry_mentions_is_no_other_subject(retriever: Retriever) -> None:
    assert retriever.is_follow_up("患肢要抬多高", ["痛风为什么疼"])
    assert not retriever.is_follow_up("患肢要抬多高", ["偏头痛怎么缓解"])


@pytest.mark.parametrize(
    ("first", "second", "entry", "asked"),
    [
        ("奥司他韦孕妇能用吗", "那哺乳期呢", "奥司他韦", "奥司他韦哺乳期能用吗"),
        ("布洛芬孕妇能吃吗", "老人也一样吗", "布洛芬", "布洛芬老人能吃吗"),
        ("痛风能喝啤酒吗", "那白酒呢", "痛风", "痛风能喝白酒吗"),
        ("二甲双胍有什么副作用", "那孕妇呢", "二甲双胍", "二甲双胍孕妇有什么副作用"),
        ("甲硝唑有什么禁忌", "副作用呢", "甲硝唑", "甲硝唑副作用呢"),
        ("甲硝唑有什么禁忌", "我昨天喝了酒能吃吗", "甲硝唑", "甲硝唑我昨天喝了酒能吃吗"),
        ("布洛芬能治痛经吗", "我有胃溃疡", "布洛芬", "布洛芬我有胃溃疡可以吗"),
        ("格华止是什么药", "有什么副作用", "二甲双胍", "二甲双胍有什么副作用"),
        ("糖尿病会遗传吗", "能根治吗", "2型糖尿病", "糖尿病能根治吗"),
        ("高血压有哪些症状？", "痛风呢？", "痛风", "痛风有哪些症状？"),
        ("青光眼怎么治", "那白内障", "白内障", "白内障怎么治"),
        ("肺结核怎么防", "做PPD要注意啥", "结核菌素试验", "做PPD要注意啥"),
    ],
)
def test_a_second_question_says_in_full_what_it_asks(
    retriever: Retriever, first: str, second: str, entry: str, asked: str
) -> None:
    retrieved = retriever.retrieve(second, [first])
    assert (retrieved.found[0].entry.name, retrieved.asked) == (entry, asked)


@pytest.mark.parametrize("second", ["你能帮我挂号吗", "附近哪家医院好停车"])
def test_what_no_entry_could_hold_does_not_go_on(retriever: Retriever, second: str) -> None:
    assert retriever.retrieve(second, ["感冒吃什么药好"]).found == ()


def test_what_is_about_something_unknown_ends_what_was_spoken_of(retriever: Retriever) -> None:
    assert retriever.retrieve("孕妇能吃吗", ["布洛芬怎么吃", "白屿胶囊是什么药"]).found == ()
    joined = retriever.retrieve("和阿莫西林一起吃行吗？", ["白屿胶囊怎么吃"])
    assert (joined.found[0].entry.name, joined.asked) == ("阿莫西林", "白屿胶囊和阿莫西林一起吃行吗？")


def test_a_broader_word_that_says_what_something_unknown_is_finds_nothing(retriever: Retriever) -> None:
    assert retriever.retrieve("蒲地蓝是消炎药吗").found == ()
    assert retriever.retrieve("阿莫西林是消炎药吗").found[0].entry.name == "阿莫西林"


def test_labelled_pairs_of_the_half_that_rules_were_made_on(retriever: Retriever) -> None:
    pairs = [json.loads(line) for line in (PAIRS / "dev.jsonl").read_text(encoding="utf-8").splitlines()]
    wrong = [pair for pair in pairs if retriever.is_follow_up(pair["question"], pair["earlier"]) != pair["follow_up"]]
    assert len(pairs) == 74 and len(wrong) <= 4, wrong


@pytest.mark.parametrize(
    ("question", "whole"),
    [("那要空腹吗？", "胃镜检查要空腹吗？"), ("它疼吗", "胃镜检查疼吗"), ("做这个检查要麻醉吗", "做胃镜检查要麻醉吗")],
)
def test_a_question_is_completed_with_its_subject(question: str, whole: str) -> None:
    assert completed(question, "胃镜检查") == whole
