"""The table of judges, and what single judges compute."""

import importlib
import sys
from random import Random

import jieba
import numpy as np
import pytest
from sacrebleu.metrics.bleu import BLEU

from data_recipes.schema.example import GIVEN, ONLY_BEHAVIOUR, Example, Message
from eval.answers import ModelAnswer
from eval.judges import JUDGES
from eval.judges.bleu_zh.judge import corpus_bleu, sentence_bleu
from eval.judges.citation.judge import cites_the_same
from eval.judges.image_prompt_format.judge import in_format, right_parameters
from eval.judges.judge import Judge
from eval.judges.rouge_l_zh.judge import rouge_l
from eval.judges.words import SIGNATURE
from eval.preferences import CHECKERS
from eval.sample_preferences import HELP
from tests.eval.conftest import JUDGE_FOLDERS, example


def items(judge: Judge) -> list[Example]:
    """Items of every sort, as far as a judge applies to them."""
    passage = {"context": "屏幕很暗。", "question": "屏幕如何？"}
    every = [
        example("a", "症状？", "头痛和头晕。【D001】", facts=("头痛",)),
        example("b", "一共多少？", "答：9页", result="9"),
        example("i", "选哪个？", "答案：B", result="B", choices=("甲", "乙")),
        example("c", "胸痛", "请立即拨打120。", behaviour="emergency"),
        example("d", "龙骨病？", "知识库中没有记载。", behaviour="refuse"),
        example("h", "痛风的治愈率？", "知识库中没有痛风治愈率的记载。", behaviour="refuse", grounding=("D031",)),
        example("e", "画灯塔", "a red lighthouse --ar 1:1"),
        example("f", "屏幕如何？", "很暗", passage={**passage, "spans": ((2, 4),)}),
        example("g", "价格如何？", "Not mentioned.", passage=passage, behaviour="refuse"),
        example("j", "阿奇霉素吃几粒？", ONLY_BEHAVIOUR, behaviour="refuse"),
        example("k", "怎么刷牙？", ONLY_BEHAVIOUR),
    ]
    given = Message(role="system", content=f"{GIVEN[0]}。\n【D001】「高血压；症状：头痛、头晕。」")
    read = example("m", "高血压有什么症状？", "高血压的常见症状有头痛和头晕。【D001】", grounding=("D001",))
    every.append(read.model_copy(update={"messages": (given, *read.messages)}))
    return [item for item in every if judge.can_judge(item)]


def right_answer(item: Example) -> str:
    """The reference, or an answer that does what is right."""
    return {"j": "请咨询医生或药师。", "k": "早晚各刷两分钟。"}.get(item.id, item.answer)


def test_every_folder_is_in_the_table_and_no_two_judges_share_a_name() -> None:
    folders = [path.parent.name for path in JUDGE_FOLDERS.glob("*/judge.py")]
    modules = [importlib.import_module(f"eval.judges.{folder}.judge") for folder in folders]
    assert sorted(judge.name for module in modules for judge in module.JUDGES) == sorted(JUDGES)


def test_titles_are_unique_and_exactly_one_judge_is_the_fallback() -> None:
    titles = [title for judge in JUDGES.values() for title in judge.title]
    assert len(titles) == len(set(titles))
    assert [name for name, judge in JUDGES.items() if judge.prominence == "fallback"] == ["rouge_l_zh"]
    assert all(judge.signature.count("|") >= 2 for judge in JUDGES.values())


def test_what_decides_or_ranks_answers_is_a_share_and_of_documents_their_loss() -> None:
    decisive = [judge for judge in JUDGES.values() if judge.prominence != "detail" or judge.checks_pairs]
    assert all((judge.unit == "share") != (judge.reads == "read") for judge in decisive)
    assert not any(judge.checks_pairs for judge in JUDGES.values() if judge.reads == "read")


ABOUT_ANSWERS = [judge for judge in JUDGES.values() if judge.unit != "nats" and judge.reads == "generated"]


@pytest.mark.parametrize("judge", ABOUT_ANSWERS, ids=lambda judge: judge.name)
def test_the_reference_answer_is_perfect(judge: Judge) -> None:
    best = {"share": 1.0, "points": 100.0}[judge.unit] if judge.higher_is_better else 0.0
    asked = items(judge)
    found = judge.judge(asked, [ModelAnswer(text=right_answer(item)) for item in asked])
    assert [score and score.score for score in found] == pytest.approx([best] * len(asked)) and asked


@pytest.mark.parametrize("judge", ABOUT_ANSWERS, ids=lambda judge: judge.name)
def test_an_empty_answer_scores_nothing_where_there_is_an_answer(judge: Judge) -> None:
    asked = [item for item in items(judge) if item.passage is None or item.behaviour == "answer"]
    found = judge.judge(asked, [ModelAnswer(text="") for _ in asked])
    assert not any(score.score for score in found if score)


def test_a_reference_that_was_not_scored_has_no_loss() -> None:
    asked = [example("a", "问", "一二"), example("b", "问", "一")]
    said = [ModelAnswer(text="", logprob=-3.0, reference_tokens=3), ModelAnswer(text="", finish_reason="too_long")]
    assert JUDGES["loss_per_character"].judge(asked, said) == [(1.5, (3.0, 2)), None]
    assert JUDGES["loss_per_token"].judge(asked, said) == [(1.0, (3.0, 3)), None]


def test_the_three_names_that_readers_see() -> None:
    names = [JUDGES[name].title.en for name in ("refusal", "math_answer", "emergency")]
    assert names == ["Correct abstentions", "Correct final answers", "Emergencies referred to care"]


def test_the_help_names_every_checker_and_what_it_measures() -> None:
    assert set(CHECKERS) == {"choice_generated", "math_answer", "fact_recall", "emergency"}
    assert all(f"  {name} " in HELP and judge.meaning.en in HELP for name, judge in CHECKERS.items())


def longest_common(left: str, right: str) -> int:
    """Length of the longest common subsequence, by the textbook's table."""
    row = [0] * (len(right) + 1)
    for character in left:
        before = row
        row = [0]
        for place, other in enumerate(right):
            row.append(before[place] + 1 if character == other else max(before[place + 1], row[place]))
    return row[-1]


def test_rouge_is_f1_over_the_longest_common_subsequence() -> None:
    rng = Random(5)
    for _ in range(300):
        left, right = ("".join(rng.choices("甲乙丙a𠀀\u3000 ", k=rng.randint(0, 90))) for _ in range(2))
        bare = ["".join(c for c in text if not c.isspace()) for text in (left, right)]
        expected = 2 * longest_common(*bare) / (len(bare[0]) + len(bare[1])) if all(bare) else 0
        assert rouge_l(left, right) == expected


def test_rouge_drops_everything_that_is_whitespace() -> None:
    blank = "".join(chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace())
    assert rouge_l(f"甲{blank}乙", "甲乙") == 1 and rouge_l(blank, "甲") == 0


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [  # by rouge_score 0.1.2 with jieba 0.42.1 as its tokenizer; rouge_chinese 1.0.3 gives the same to 1e-8
        ("高血压患者要少吃盐，多运动。", "高血压病人应当限盐，坚持运动。", 0.5),
        (
            "糖尿病的常见症状有多饮、多尿和体重下降。",
            "糖尿病的常见症状有多尿、多饮、多食和体重下降。",
            0.8275862068965517,
        ),
        ("请立即拨打120或前往急诊。", "请立即拨打120。", 0.7692307692307693),
        ("建议到呼吸内科就诊，做胸部X线检查。", "应挂呼吸内科，检查有胸部CT和血常规。", 0.43478260869565216),
        ("布洛芬每次0.2克，一日3次", "布洛芬 每次 0.2 克，一日 3 次", 1.0),
        ("不知道", "阿奇霉素是大环内酯类抗生素。", 0.0),
        ("头痛头晕头痛", "头痛和头痛", 0.6666666666666666),
        ("The patient has 高血压 and 糖尿病.", "患者有高血压和糖尿病。", 0.3076923076923077),
        ("", "多喝水。", 0.0),
    ],
)
def test_rouge_over_words_is_that_of_the_reference_implementations(
    answer: str, reference: str, expected: float
) -> None:
    [found] = JUDGES["rouge_l_jieba"].judge([example("a", "问", reference)], [ModelAnswer(text=answer)])
    assert found and found.score == pytest.approx(expected)


def test_bleu_over_words_is_sacrebleus_of_what_jieba_divides() -> None:
    predictions = ["高血压患者要少吃盐，多运动。", "", "建议到呼吸内科就诊。", "没有记载"]
    references = ["高血压病人应当少吃盐，坚持运动。", "多喝水。", "应到呼吸内科就诊。", "知识库中没有记载。"]
    asked = [example(str(number), "问", reference) for number, reference in enumerate(references)]
    found = JUDGES["bleu_jieba"].judge(asked, [ModelAnswer(text=text) for text in predictions])
    divided = [[" ".join(jieba.cut(text)) for text in texts] for texts in (predictions, references)]
    bleu = BLEU(tokenize="none")
    expected = bleu.corpus_score(divided[0], [divided[1]])
    sums = np.array([score.statistics for score in found if score], np.float64).sum(axis=0)
    assert float(corpus_bleu(np.asarray(sums))) == pytest.approx(expected.score) and expected.score > 1
    signature = str(bleu.get_signature()).replace("tok:none", SIGNATURE)
    assert JUDGES["bleu_jieba"].signature == f"bleu_jieba|{signature}"


def test_corpus_bleu_of_sums_is_sacrebleu() -> None:
    predictions = ["高血压要限盐", "挂号", "", "多喝水多休息"]
    references = ["高血压要少盐", "去挂号处", "甲", "多休息多喝水"]
    for size in range(1, 5):
        items = sentence_bleu(predictions[:size], references[:size])
        sums = np.array([item.statistics for item in items], np.float64).sum(axis=0)
        expected = BLEU(tokenize="zh").corpus_score(predictions[:size], [references[:size]]).score
        assert float(corpus_bleu(np.asarray(sums))) == pytest.approx(expected)


def test_citations_are_compared_as_sets() -> None:
    answers = ["见【M002】和【D001】。", "【D001】", "没有引用", "【姓名】【D001】【D001】"]
    references = ["甲。【D001】【M002】", "乙。【D001】【M002】", "丙。【D001】", "丁。【D001】"]
    assert [cites_the_same(*pair) for pair in zip(answers, references, strict=True)] == [True, False, False, True]


def test_parameters_of_a_prompt_that_breaks_the_format_do_not_count() -> None:
    right = "a red lighthouse --ar 16:9 --v 6"
    assert in_format(right) and not in_format("a lamp --v 6 --ar 1:1")
    assert right_parameters(right, right) == 1
    assert right_parameters("a lamp --v 6 --ar 1:1", "a lamp --ar 1:1 --v 6") == 0
