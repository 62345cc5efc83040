"""Held-out loss: the cross-entropy of the reference answers, their stop token included, per character and per token.

That of whole documents is told in bits per character, as compression is: one bit less halves the perplexity per
character, which is 2 to the power of it, so differences mean the same wherever they are.
"""

import math
from collections.abc import Callable, Sequence

from data_recipes.schema.example import Example
from eval.answers import ModelAnswer
from eval.bilingual import Text
from eval.judges.judge import ItemScore, Judge, Judging


def _per(length: Callable[[Example, ModelAnswer], int], nats: float = 1.0) -> Judging:
    """A rate over all items, not a mean of their rates; a reference that was not scored has none.

    Args:
        length: What it is per.
        nats: The unit of the loss.
    """

    def judging(examples: Sequence[Example], answers: Sequence[ModelAnswer]) -> list[ItemScore | None]:
        return [
            None if answer.logprob is None else _scored(-answer.logprob / nats, length(example, answer))
            for example, answer in zip(examples, answers, strict=True)
        ]

    return judging


def _scored(loss: float, length: int) -> ItemScore:
    return ItemScore(loss / length, (loss, length))


def _characters(example: Example, answer: ModelAnswer) -> int:
    return len(example.answer)


JUDGES = (
    Judge(
        name="text_bits_per_character",
        title=Text("文本比特数 / 字", "Text bits / character"),
        meaning=Text(
            "整篇文本的负对数似然（比特），越低越好；每字困惑度是 2 的这个数次方",
            "bits of a whole text; lower is better; its perplexity per character is 2 to the power of it",
        ),
        signature="text_bits_per_character|bits|text,stop|v1",
        applies=lambda example: example.is_text,
        judge=_per(_characters, math.log(2)),
        reads="read",
        unit="bits",
        higher_is_better=False,
        prominence="headline",
    ),
    Judge(
        name="loss_per_character",
        title=Text("留出损失 / 字", "Held-out loss / character"),
        meaning=Text("参考答案的负对数似然（nat），越低越好", "nats of the reference answer; lower is better"),
        signature="loss_per_character|nats|answer,stop|v1",
        applies=lambda example: not example.is_text,
        judge=_per(_characters),
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
