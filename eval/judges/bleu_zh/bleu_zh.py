"""Corpus BLEU for Chinese, as ``evaluate.load("eval/judges/bleu_zh")``."""

import datasets
import evaluate
from sacrebleu.metrics.bleu import BLEU

from eval.judges.bleu_zh import judge


class BleuZh(evaluate.Metric):
    """Corpus BLEU with per-item sufficient statistics."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=judge.__doc__,
            citation="Post 2018, https://aclanthology.org/W18-6319",
            inputs_description=(
                "Args: predictions, references: lists of texts. Returns: bleu_zh; scores: sentence BLEU; statistics: "
                "per item [length, reference length, matches of order 1-4, n-grams of order 1-4]; signature."
            ),
            features=datasets.Features({"predictions": text, "references": text}),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, object]:
        items = judge.sentence_bleu(predictions, references)
        return {
            "bleu_zh": BLEU(tokenize="zh").corpus_score(predictions, [references]).score,
            "scores": [item.score for item in items],
            "statistics": [list(item.statistics) for item in items],
            "signature": judge.SIGNATURE,
        }
