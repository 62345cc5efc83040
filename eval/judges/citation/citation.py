"""Citation accuracy: whether an answer cites exactly the entries that the reference answer cites, e.g. ``【D001】``.

The order and the place of the citations do not matter; what the answer says is not judged.
"""

import datasets
import evaluate

from domains.citations import cited

SIGNATURE = "citation|ids:exact-set|v1"


class Citation(evaluate.Metric):
    """Share of answers with exactly the right citations."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description="Args: predictions: texts; references: texts. Returns: citation, scores, signature.",
            features=datasets.Features({"predictions": text, "references": text}),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, object]:
        pairs = zip(predictions, references, strict=True)
        scores = [float(cited(answer) == cited(reference)) for answer, reference in pairs]
        return {"citation": sum(scores) / len(scores), "scores": scores, "signature": SIGNATURE}
