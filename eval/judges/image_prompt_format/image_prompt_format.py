"""Image prompts in the right format, as ``evaluate.load("eval/judges/image_prompt_format")``."""

import datasets
import evaluate

from eval.judges.image_prompt_format import judge


class ImagePromptFormat(evaluate.Metric):
    """Share of answers in the right format."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=judge.__doc__,
            citation="",
            inputs_description=(
                "Args: predictions: texts; references: right prompts. "
                "Returns: image_prompt_format, scores, parameter_scores, signature."
            ),
            features=datasets.Features({"predictions": text, "references": text}),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, object]:
        scores = [float(judge.in_format(answer)) for answer in predictions]
        return {
            "image_prompt_format": sum(scores) / len(scores),
            "scores": scores,
            "parameter_scores": [judge.right_parameters(p, r) for p, r in zip(predictions, references, strict=True)],
            "signature": judge.SIGNATURE,
        }
