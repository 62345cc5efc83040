"""Final-answer accuracy, as ``evaluate.load("eval/judges/math_answer")``."""

import datasets
import evaluate

from domains.mathematics.answers import is_right
from eval.judges.math_answer import judge


class MathAnswer(evaluate.Metric):
    """Share of right final answers."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=judge.__doc__,
            citation="",
            inputs_description=(
                "Args: predictions: texts; references: the expected numbers, or letters from A to H for options. "
                "Returns: math_answer, scores, signature."
            ),
            features=datasets.Features({"predictions": text, "references": text}),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, object]:
        scores = [float(is_right(answer, result)) for answer, result in zip(predictions, references, strict=True)]
        return {"math_answer": sum(scores) / len(scores), "scores": scores, "signature": judge.SIGNATURE}
