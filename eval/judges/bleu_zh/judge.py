"""Corpus BLEU for Chinese: sacrebleu with its ``zh`` tokenizer (Post 2018), 0 to 100.

Each item contributes its lengths and its matched and possible n-grams, so that the corpus score of any resample of the
items is computed from sums.
"""

from collections.abc import Sequence
from importlib.metadata import version

import numpy as np

from data_recipes.schema.example import Example
from eval.answers import ModelAnswer
from eval.bilingual import Text
from eval.judges.judge import ItemScore, Judge
from eval.significance import Array

SIGNATURE = f"bleu_zh|nrefs:1|case:mixed|eff:no|tok:zh|smooth:exp|version:{version('sacrebleu')}"


def sentence_bleu(predictions: Sequence[str], references: Sequence[str], tokenize: str = "zh") -> list[ItemScore]:
    """Sentence BLEU of each answer, with what it adds to the corpus, in the order of ``corpus_bleu``.

    Args:
        predictions: The answers.
        references: One for each.
        tokenize: sacrebleu's name of a tokenizer; ``none`` where the words are divided by spaces.
    """
    from sacrebleu.metrics.bleu import BLEU  # slow to import, and not needed to list the judge

    bleu = BLEU(tokenize=tokenize, effective_order=True)
    items = [bleu.sentence_score(p, [r]) for p, r in zip(predictions, references, strict=True)]
    return [ItemScore(item.score, (item.sys_len, item.ref_len, *item.counts, *item.totals)) for item in items]


def corpus_bleu(totals: Array) -> Array:
    """Corpus BLEU from summed statistics, as sacrebleu computes it (exponential smoothing; Post 2018).

    Args:
        totals: ``[..., 10]``: length, reference length, matches of order 1 to 4, n-grams of order 1 to 4.

    Returns:
        Scores 0 to 100, ``[...]``.
    """
    length, reference = totals[..., 0], totals[..., 1]
    matches, possible = totals[..., 2:6], totals[..., 6:10]
    zero = (matches == 0) & (possible > 0)
    smoothed = np.where(zero, 0.5 ** np.cumsum(zero, axis=-1), matches)  # the k-th empty order counts 2^-k matches
    scored = (possible[..., 3] > 0) & (matches[..., 0] > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.exp(np.log(smoothed / possible).mean(axis=-1))
        brevity = np.exp(np.minimum(0.0, 1.0 - reference / length))
        return np.where(scored, 100 * brevity * precision, 0.0)


def _judge(examples: Sequence[Example], answers: Sequence[ModelAnswer]) -> list[ItemScore]:
    return sentence_bleu([answer.text for answer in answers], [example.answer for example in examples])


JUDGES = (
    Judge(
        name="bleu_zh",
        title=Text("BLEU（中文）", "BLEU (Chinese)"),
        meaning=Text("与参考答案的 n 元重合，0–100", "n-gram match with the reference, 0–100"),
        signature=SIGNATURE,
        applies=lambda example: example.passage is None and not example.choices,
        judge=_judge,
        unit="points",
        aggregate=corpus_bleu,
    ),
)
