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
