"""Fact recall, as ``evaluate.load("eval/judges/fact_recall")``."""

import datasets
import evaluate

from eval.judges.fact_recall import judge


class FactRecall(evaluate.Metric):
    """Mean share of stated facts; every item weighs the same."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=judge.__doc__,
            citation="",
            inputs_description=(
                "Args: predictions: texts; references: for each, its facts (one or more). "
                "Returns: fact_recall, scores, signature."
            ),
            features=datasets.Features({"predictions": text, "references": datasets.List(text)}),
        )

    def _compute(self, predictions: list[str], references: list[list[str]]) -> dict[str, object]:
        scores = [judge.fact_recall(p, facts) for p, facts in zip(predictions, references, strict=True)]
        return {"fact_recall": sum(scores) / len(scores), "scores": scores, "signature": judge.SIGNATURE}
