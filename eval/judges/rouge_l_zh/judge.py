"""ROUGE-L for Chinese: the longest common subsequence of characters, as F1 (Lin 2004, ROUGE, section 3.1, beta = 1).

Characters and not words: word segmenters disagree, and the usual word splitter of ROUGE drops Chinese altogether.
"""

from collections.abc import Sequence

from rapidfuzz.distance import LCSseq

from eval.bilingual import Text
from eval.judges.judge import Judge, each

SIGNATURE = "rouge_l_zh|tok:char|f1|v1"


def rouge_l(prediction: str, reference: str) -> float:
    """ROUGE-L F1 of one answer, 0 to 1, without whitespace; an empty answer scores 0."""
    return longest_common_f1("".join(prediction.split()), "".join(reference.split()))


def longest_common_f1(predicted: Sequence[str], expected: Sequence[str]) -> float:
    """F1 of the longest common subsequence of two sequences of characters or words; 0 where one is empty."""
    if not predicted or not expected:
        return 0.0
    return 2 * LCSseq.similarity(predicted, expected) / (len(predicted) + len(expected))


JUDGES = (
    Judge(
        name="rouge_l_zh",
        title=Text("ROUGE-L（字）", "ROUGE-L (characters)"),
        meaning=Text("与参考答案的最长公共子序列 F1", "longest common subsequence with the reference, F1"),
        signature=SIGNATURE,
        applies=lambda example: True,
        judge=each(lambda example, answer: rouge_l(answer, example.answer)),
        prominence="fallback",
    ),
)
