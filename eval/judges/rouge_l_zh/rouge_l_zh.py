"""ROUGE-L for Chinese, as ``evaluate.load("eval/judges/rouge_l_zh")``."""

import datasets
import evaluate

from eval.judges.rouge_l_zh import judge


class RougeLZh(evaluate.Metric):
    """Mean ROUGE-L F1 over characters."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=judge.__doc__,
            citation="Lin 2004, https://aclanthology.org/W04-1013",
            inputs_description="Args: predictions, references: lists of texts. Returns: rouge_l_zh, scores, signature.",
            features=datasets.Features({"predictions": text, "references": text}),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, object]:
        scores = [judge.rouge_l(p, r) for p, r in zip(predictions, references, strict=True)]
        return {"rouge_l_zh": sum(scores) / len(scores), "scores": scores, "signature": judge.SIGNATURE}
