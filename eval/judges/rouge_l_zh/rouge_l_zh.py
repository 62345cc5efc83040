"""ROUGE-L for Chinese: the longest common subsequence of characters, as F1 (Lin 2004, ROUGE, section 3.1, beta = 1).

Characters and not words: word segmenters disagree, and the usual word splitter of ROUGE drops Chinese altogether.
"""

from collections import defaultdict

import datasets
import evaluate

SIGNATURE = "rouge_l_zh|tok:char|f1|v1"


def characters(text: str) -> list[str]:
    """The characters of a text, whitespace left out."""
    return [character for character in text if not character.isspace()]


def common_subsequence(left: list[str], right: list[str]) -> int:
    """Length of the longest common subsequence, bit-parallel (Hyyrö 2004): one integer holds a column of the table."""
    places: dict[str, int] = defaultdict(int)
    for place, character in enumerate(left):
        places[character] |= 1 << place
    full = (1 << len(left)) - 1
    column = full
    for character in right:
        matched = column & places[character]
        column = ((column + matched) | (column - matched)) & full
    return len(left) - column.bit_count()


def rouge_l(prediction: str, reference: str) -> float:
    """ROUGE-L F1 of one answer, 0 to 1; an empty answer scores 0."""
    predicted, expected = characters(prediction), characters(reference)
    if not predicted or not expected:
        return 0.0
    return 2 * common_subsequence(predicted, expected) / (len(predicted) + len(expected))


class RougeLZh(evaluate.Metric):
    """Mean ROUGE-L F1 over characters."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=__doc__,
            citation="Lin 2004, https://aclanthology.org/W04-1013",
            inputs_description="Args: predictions, references: lists of texts. Returns: rouge_l_zh, scores, signature.",
            features=datasets.Features({"predictions": text, "references": text}),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, object]:
        scores = [rouge_l(p, r) for p, r in zip(predictions, references, strict=True)]
        return {"rouge_l_zh": sum(scores) / len(scores), "scores": scores, "signature": SIGNATURE}
