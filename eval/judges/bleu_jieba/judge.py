"""Corpus BLEU over the words that jieba finds, for comparison with figures that were made so; ``zh`` comes first."""

from collections.abc import Sequence
from importlib.metadata import version

from data_recipes.schema.example import Example
from eval.answers import ModelAnswer
from eval.bilingual import Text
from eval.judges.bleu_zh.judge import corpus_bleu, sentence_bleu
from eval.judges.judge import ItemScore, Judge
from eval.judges.words import SIGNATURE, words


def _judge(examples: Sequence[Example], answers: Sequence[ModelAnswer]) -> list[ItemScore]:
    predictions, references = [answer.text for answer in answers], [example.answer for example in examples]
    return sentence_bleu([" ".join(words(p)) for p in predictions], [" ".join(words(r)) for r in references], "none")


JUDGES = (
    Judge(
        name="bleu_jieba",
        title=Text("BLEU（结巴分词）", "BLEU (jieba words)"),
        meaning=Text("与参考答案的词的 n 元重合，0–100", "n-gram match of words with the reference, 0–100"),
        signature=f"bleu_jieba|nrefs:1|case:mixed|eff:no|{SIGNATURE}|smooth:exp|version:{version('sacrebleu')}",
        applies=lambda example: example.passage is None and not example.choices,
        judge=_judge,
        unit="points",
        aggregate=corpus_bleu,
    ),
)
