"""Final-answer accuracy: whether the number (or the options) that an answer ends in is the expected one.

The working is not judged. Units, width, thousands commas, LaTeX and the way a number is written (``3/4``, ``0.75``,
``75%``, ``四分之三``) do not matter; a refusal or a missing answer is wrong. How: ``domains.mathematics.answers``.
"""

import datasets
import evaluate

from domains.mathematics.answers import is_right

SIGNATURE = "math_answer|final:mark,last-number|exact,rounded-if-infinite,all-options|v2"


class MathAnswer(evaluate.Metric):
    """Share of right final answers."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=(
                "Args: predictions: texts; references: the expected numbers, or letters from A to H for options. "
                "Returns: math_answer, scores, signature."
            ),
            features=datasets.Features({"predictions": text, "references": text}),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, object]:
        scores = [float(is_right(answer, result)) for answer, result in zip(predictions, references, strict=True)]
        return {"math_answer": sum(scores) / len(scores), "scores": scores, "signature": SIGNATURE}
