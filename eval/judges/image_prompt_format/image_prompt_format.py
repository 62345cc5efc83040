"""Image prompts: whether an answer keeps the format, and whether it has the parameters that were asked for.

The format (``domains.image_prompts.format``): an English description, then parameters in their order, each once,
with values that exist. ``parameter_scores`` is the share of the parameters of answer or reference that both have with
the same value; an answer that breaks the format has none.
"""

import datasets
import evaluate

from domains.image_prompts.format import problems, same_parameters

SIGNATURE = "image_prompt_format|description,parameters|jaccard|v1"


class ImagePromptFormat(evaluate.Metric):
    """Share of answers in the right format."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=(
                "Args: predictions: texts; references: right prompts. "
                "Returns: image_prompt_format, scores, parameter_scores, signature."
            ),
            features=datasets.Features({"predictions": text, "references": text}),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, object]:
        scores = [float(not problems(answer)) for answer in predictions]
        parameters = [
            same_parameters(answer, reference) if right else 0.0
            for answer, reference, right in zip(predictions, references, scores, strict=True)
        ]
        return {
            "image_prompt_format": sum(scores) / len(scores),
            "scores": scores,
            "parameter_scores": parameters,
            "signature": SIGNATURE,
        }
