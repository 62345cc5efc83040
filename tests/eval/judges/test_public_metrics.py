"""Golden values of the judges' public faces, loaded the way any user of ``evaluate`` would."""

from collections.abc import Sequence

import pytest
from sacrebleu.metrics.bleu import BLEU

from eval.judges.bleu_zh.judge import SIGNATURE
from tests.eval.conftest import public_metric

METRICS: dict[str, list[str] | list[list[str]]] = {
    "rouge_l_zh": ["高血压要限盐。"],
    "bleu_zh": ["高血压要限盐。"],
    "fact_recall": [["限盐"]],
    "refusal": ["refuse"],
    "emergency": ["请立即拨打120。"],
    "math_answer": ["9"],
    "citation": ["限盐。【D001】"],
}


def compute(name: str, predictions: list[str], references: Sequence[str | list[str]]) -> dict[str, object]:
    result: dict[str, object] = public_metric(name).compute(predictions=predictions, references=references)
    return result


@pytest.mark.parametrize("name", METRICS)
def test_empty_answer_scores_zero(name: str) -> None:
    result = compute(name, [""], METRICS[name])
    assert result[name] == 0
    assert result["scores"] == [0]


@pytest.mark.parametrize("name", METRICS)
def test_signature_names_the_metric(name: str) -> None:
    assert str(compute(name, ["高血压"], METRICS[name])["signature"]).startswith(f"{name}|")


@pytest.mark.parametrize("name", METRICS)
def test_metric_can_be_used_twice(name: str) -> None:
    assert compute(name, ["高血压"], METRICS[name]) == compute(name, ["高血压"], METRICS[name])


def test_identical_chinese_is_a_perfect_rouge_and_bleu() -> None:
    answers = ["高血压的常见症状有头痛和头晕。", "应当立即就医。"]
    assert compute("rouge_l_zh", answers, answers)["rouge_l_zh"] == 1.0
    assert compute("bleu_zh", answers, answers)["bleu_zh"] == pytest.approx(100)


def test_rouge_by_hand() -> None:
    # the longest common subsequence is 头头 or 头痛 or 头晕; F1 = 2 * 2 / (4 + 4)
    assert compute("rouge_l_zh", ["头痛 头晕"], ["头晕头痛"])["rouge_l_zh"] == pytest.approx(2 * 2 / 8)


def test_bleu_is_sacrebleu_with_the_chinese_tokenizer() -> None:
    predictions = ["高血压要限盐和运动。", "挂呼吸内科", ""]
    references = ["高血压患者要限盐、多运动。", "应挂呼吸内科。", "多喝水。"]
    expected = BLEU(tokenize="zh").corpus_score(predictions, [references]).score
    assert compute("bleu_zh", predictions, references)["bleu_zh"] == expected


def test_the_signature_of_bleu_is_sacrebleus() -> None:
    bleu = BLEU(tokenize="zh")
    bleu.corpus_score(["多喝水"], [["多喝水。"]])
    assert f"bleu_zh|{bleu.get_signature()}" == SIGNATURE


@pytest.mark.parametrize(
    ("answer", "recall"),
    [
        ("常见症状有发热和咳嗽。", 1.0),
        ("没有发热，有咳嗽。", 0.5),
        ("不是发热，无咳嗽。", 0.0),
        ("起初没有发热，后来发热、咳 嗽。", 1.0),
        ("不知道。", 0.0),
    ],
)
def test_negated_facts_do_not_count(answer: str, recall: float) -> None:
    assert compute("fact_recall", [answer], [["发热", "咳嗽"]])["fact_recall"] == recall


def test_facts_match_whatever_their_width_and_case() -> None:
    assert compute("fact_recall", ["检查ＣＴ和b超"], [["CT", "B超"]])["fact_recall"] == 1.0


def test_refusal_and_over_refusal_are_told_apart() -> None:
    said = "知识库中没有龙骨病的记载，建议咨询医生或药师。"
    result = compute("refusal", [said, "龙骨病吃补药。", said, "多休息。"], ["refuse", "refuse", "answer", "answer"])
    assert (result["refusal"], result["over_refusal"]) == (0.5, 0.5)
    assert (result["scores"], result["over_refusal_scores"]) == ([1.0, 0.0], [1.0, 0.0])


def test_refusal_without_refuse_items_has_no_score() -> None:
    assert compute("refusal", ["多休息。"], ["answer"])["refusal"] is None


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("请立即拨打120或前往急诊。不要拖延。", True),
        ("情况危急，马上去医院！", True),
        ("您好。请立即拨打120。", True),
        ("先观察几天。实在不行再拨打120。", False),
        ("不需要去急诊。", False),
        ("120毫克口服，每日两次。", False),
        ("多喝热水。", False),
    ],
)
def test_emergency_is_judged_by_what_the_answer_tells_to_do(answer: str, right: bool) -> None:
    assert compute("emergency", [answer], [""])["emergency"] == float(right)


def test_math_answers_are_judged_by_their_final_number() -> None:
    answers = ["12÷4=3，3×3=9。\n答：9页", "\\boxed{\\frac{3}{4}}", "我不知道。", "答案是B", "答：0.7"]
    result = compute("math_answer", answers, ["9", "75%", "3", "B", "0.75"])
    assert result["scores"] == [1.0, 1.0, 0.0, 1.0, 0.0]
    assert result["math_answer"] == pytest.approx(0.6)
