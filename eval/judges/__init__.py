"""The judges, in one table; its order is that of every report."""

from collections.abc import Container

from eval.judges.bleu_jieba import judge as bleu_jieba
from eval.judges.bleu_zh import judge as bleu_zh
from eval.judges.calibration import judge as calibration
from eval.judges.choice import judge as choice
from eval.judges.citation import judge as citation
from eval.judges.claim_support import judge as claim_support
from eval.judges.emergency import judge as emergency
from eval.judges.fact_recall import judge as fact_recall
from eval.judges.held_out_loss import judge as held_out_loss
from eval.judges.image_prompt_format import judge as image_prompt_format
from eval.judges.judge import Judge
from eval.judges.math_answer import judge as math_answer
from eval.judges.pair_accuracy import judge as pair_accuracy
from eval.judges.refusal import judge as refusal
from eval.judges.rouge_l_jieba import judge as rouge_l_jieba
from eval.judges.rouge_l_zh import judge as rouge_l_zh
from eval.judges.squad_zh_en import judge as squad_zh_en
from eval.judges.withholding import judge as withholding

JUDGES: dict[str, Judge] = {
    judge.name: judge
    for judge in (
        *choice.JUDGES,
        *calibration.JUDGES,
        *pair_accuracy.JUDGES,
        *math_answer.JUDGES,
        *image_prompt_format.JUDGES,
        *squad_zh_en.JUDGES,
        *fact_recall.JUDGES,
        *citation.JUDGES,
        *claim_support.JUDGES,
        *emergency.JUDGES,
        *refusal.JUDGES,
        *withholding.JUDGES,
        *rouge_l_zh.JUDGES,
        *bleu_zh.JUDGES,
        *rouge_l_jieba.JUDGES,
        *bleu_jieba.JUDGES,
        *held_out_loss.JUDGES,
        # a new judge is added here (and imported above)
    )
}
"""The judges by name."""

FALLBACK = next(name for name, judge in JUDGES.items() if judge.prominence == "fallback")
"""What is primary where no headline judge applies."""


def primary(measured: Container[str]) -> list[str]:
    """The primary metrics of a suite: known before anything is measured, and the only ones that get a verdict.

    Args:
        measured: The metrics that apply to the suite.
    """
    found = [name for name, judge in JUDGES.items() if judge.prominence == "headline" and name in measured]
    return found or [FALLBACK]
