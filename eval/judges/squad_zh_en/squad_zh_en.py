"""Exact match and F1 of extracted answers, as ``evaluate.load("eval/judges/squad_zh_en")``."""

import datasets
import evaluate

from eval.judges.squad_zh_en import judge


class SquadZhEn(evaluate.Metric):
    """Mean exact match and F1; every question weighs the same."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=judge.__doc__,
            citation="Rajpurkar, Jia, Liang 2018, https://aclanthology.org/P18-2124",
            inputs_description=(
                "Args: predictions: texts; references: for each, one text or more, the empty text for no answer. "
                "Returns: exact_match, f1, either; exact_scores, f1_scores, either_scores; signature."
            ),
            features=datasets.Features({"predictions": text, "references": datasets.List(text)}),
        )

    def _compute(self, predictions: list[str], references: list[list[str]]) -> dict[str, object]:
        exact, overlap, either = zip(*map(judge.span_score, predictions, references), strict=True)
        return {
            "exact_match": sum(exact) / len(exact),
            "f1": sum(overlap) / len(overlap),
            "either": sum(either) / len(either),
            "exact_scores": list(exact),
            "f1_scores": list(overlap),
            "either_scores": list(either),
            "signature": judge.SIGNATURE,
        }
