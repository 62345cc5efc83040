"""Citation accuracy, as ``evaluate.load("eval/judges/citation")``."""

import datasets
import evaluate

from eval.judges.citation import judge


class CitationAccuracy(evaluate.Metric):
    """Share of answers with exactly the right citations."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=judge.__doc__,
            citation="",
            inputs_description="Args: predictions: texts; references: texts. Returns: citation, scores, signature.",
            features=datasets.Features({"predictions": text, "references": text}),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, object]:
        scores = [float(judge.cites_the_same(p, r)) for p, r in zip(predictions, references, strict=True)]
        return {"citation": sum(scores) / len(scores), "scores": scores, "signature": judge.SIGNATURE}
