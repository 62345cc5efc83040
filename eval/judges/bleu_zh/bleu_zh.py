"""Corpus BLEU for Chinese: sacrebleu with its ``zh`` tokenizer (Post 2018), 0 to 100.

Besides the corpus score it returns what each item adds to it (lengths, matched and possible n-grams), so that the
corpus score of any resample of the items can be computed from sums.
"""

import datasets
import evaluate
from sacrebleu.metrics.bleu import BLEU


class BleuZh(evaluate.Metric):
    """Corpus BLEU with per-item sufficient statistics."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=__doc__,
            citation="Post 2018, https://aclanthology.org/W18-6319",
            inputs_description=(
                "Args: predictions, references: lists of texts. Returns: bleu_zh; scores: sentence BLEU; statistics: "
                "per item [length, reference length, matches of order 1-4, n-grams of order 1-4]; signature."
            ),
            features=datasets.Features({"predictions": text, "references": text}),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, object]:
        corpus = BLEU(tokenize="zh")
        sentence = BLEU(tokenize="zh", effective_order=True)
        value = corpus.corpus_score(predictions, [references]).score
        items = [sentence.sentence_score(p, [r]) for p, r in zip(predictions, references, strict=True)]
        return {
            "bleu_zh": value,
            "scores": [item.score for item in items],
            "statistics": [[item.sys_len, item.ref_len, *item.counts, *item.totals] for item in items],
            "signature": f"bleu_zh|{corpus.get_signature()}",
        }
