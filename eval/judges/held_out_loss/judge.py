"""Held-out loss: the cross-entropy of the reference answers, their stop token included, per character and per token.

That of whole documents is also told as perplexity, the exponential of the mean.
"""

from collections.abc import Callable, Sequence

import numpy as np

from data_recipes.schema.example import Example
from eval.answers import ModelAnswer
from eval.bilingual import Text
from eval.judges.judge import ItemScore, Judge, Judging
from eval.significance import Array, ratio


def _per(length: Callable[[Example, ModelAnswer], int]) -> Judging:
    """A rate over all items, not a mean of their rates; a reference that was not scored has none."""

    def judging(examples: Sequence[Example], answers: Sequence[ModelAnswer]) -> list[ItemScore | None]:
        return [
            None
            if answer.logprob is None
            else ItemScore(-answer.logprob / length(example, answer), (-answer.logprob, length(example, answer)))
            for example, answer in zip(examples, answers, strict=True)
        ]

    return judging


def _perplexity(totals: Array) -> Array:
    result: Array = np.exp(ratio(totals))
    return result


_PER_CHARACTER = _per(lambda example, answer: len(example.answer))

JUDGES = (
    Judge(
        name="text_loss_per_character",
        title=Text("文本损失 / 字", "Text loss / character"),
        meaning=Text("整篇文本的负对数似然（nat），越低越好", "nats of a whole text; lower is better"),
        signature="text_loss_per_character|nats|text,stop|v1",
        applies=lambda example: example.is_text,
        judge=_PER_CHARACTER,
        reads="read",
        unit="nats",
        higher_is_better=False,
        prominence="headline",
    ),
    Judge(
        name="text_perplexity_per_character",
        title=Text("文本困惑度 / 字", "Text perplexity / character"),
        meaning=Text("上一项的指数，越低越好", "its exponential; lower is better"),
        signature="text_perplexity_per_character|perplexity|text,stop|v1",
        applies=lambda example: example.is_text,
        judge=_PER_CHARACTER,
        reads="read",
        unit="perplexity",
        higher_is_better=False,
        aggregate=_perplexity,
    ),
    Judge(
        name="loss_per_character",
        title=Text("留出损失 / 字", "Held-out loss / character"),
        meaning=Text("参考答案的负对数似然（nat），越低越好", "nats of the reference answer; lower is better"),
        signature="loss_per_character|nats|answer,stop|v1",
        applies=lambda example: not example.is_text,
        judge=_PER_CHARACTER,
        unit="nats",
        higher_is_better=False,
    ),
    Judge(
        name="loss_per_token",
        title=Text("留出损失 / 词元", "Held-out loss / token"),
        meaning=Text("同上，按词元；依赖分词器，不作比较", "the same per token; depends on the tokenizer"),
        signature="loss_per_token|nats|answer,stop|v1",
        applies=lambda example: not example.is_text,
        judge=_per(lambda example, answer: answer.reference_tokens),
        unit="nats",
        higher_is_better=False,
        compared=False,
    ),
)
