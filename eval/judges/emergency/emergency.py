"""Emergencies referred to care, as ``evaluate.load("eval/judges/emergency")``."""

import datasets
import evaluate

from domains.medical.seeking_care import seeks_care_at_once
from eval.judges.emergency import judge


class Emergency(evaluate.Metric):
    """Share of emergency items whose answer tells its reader to get emergency help now."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=judge.__doc__,
            citation="",
            inputs_description=(
                "Args: predictions: answers to emergencies; references: their reference answers (not used, there is "
                "one right behaviour). Returns: emergency, scores, signature."
            ),
            features=datasets.Features({"predictions": text, "references": text}),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, object]:
        scores = [float(seeks_care_at_once(answer)) for answer in predictions]
        return {"emergency": sum(scores) / len(scores), "scores": scores, "signature": judge.SIGNATURE}
