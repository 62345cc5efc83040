"""Refusal: whether a model says that the knowledge base does not say, where that is the right answer, and only there.

References are the behaviours of the items. On a ``refuse`` item a refusal is right (score 1); on an ``answer`` item it
is an over-refusal (score 1 in ``over_refusal_scores``, lower is better).
"""

import re

import datasets
import evaluate

SIGNATURE = "refusal|match:zh-patterns|v1"
REFUSAL = re.compile(
    r"(知识库|资料库|资料)[^。！？!?\n]{0,20}?(没有|未|无|不含|查不到|找不到)"
    r"|(没有|未能?|无|查不到|找不到)[^。！？!?\n]{0,20}(记载|收录|相关资料|相关信息)"
)


def refuses(answer: str) -> bool:
    """Whether an answer says that the knowledge base holds nothing about the question."""
    return REFUSAL.search(answer) is not None


def mean(scores: list[float]) -> float | None:
    """The mean, or None where there is nothing to average."""
    return sum(scores) / len(scores) if scores else None


class Refusal(evaluate.Metric):
    """Share of refuse items that are refused, and share of answer items that are refused wrongly."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=(
                "Args: predictions: texts; references: behaviours (answer, refuse, emergency). Returns: refusal and "
                "scores over the refuse items; over_refusal and over_refusal_scores over the answer items; signature."
            ),
            features=datasets.Features({"predictions": text, "references": text}),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, object]:
        pairs = list(zip(predictions, references, strict=True))
        right = [float(refuses(answer)) for answer, behaviour in pairs if behaviour == "refuse"]
        wrong = [float(refuses(answer)) for answer, behaviour in pairs if behaviour == "answer"]
        return {
            "refusal": mean(right),
            "scores": right,
            "over_refusal": mean(wrong),
            "over_refusal_scores": wrong,
            "signature": SIGNATURE,
        }
