"""Held-out loss: the cross-entropy of the reference answers, their stop token included, per character and per token."""

from collections.abc import Callable, Sequence

from data_recipes.schema.example import Example
from eval.answers import ModelAnswer
from eval.bilingual import Text
from eval.judges.judge import ItemScore, Judge, Judging


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


JUDGES = (
    Judge(
        name="loss_per_character",
        title=Text("留出损失 / 字", "Held-out loss / character"),
        meaning=Text("参考答案的负对数似然（nat），越低越好", "nats of the reference answer; lower is better"),
        signature="loss_per_character|nats|answer,stop|v1",
        applies=lambda example: True,
        judge=_per(lambda example, answer: len(example.answer)),
        unit="nats",
        higher_is_better=False,
    ),
    Judge(
        name="loss_per_token",
        title=Text("留出损失 / 词元", "Held-out loss / token"),
        meaning=Text("同上，按词元；依赖分词器，不作比较", "the same per token; depends on the tokenizer"),
        signature="loss_per_token|nats|answer,stop|v1",
        applies=lambda example: True,
        judge=_per(lambda example, answer: answer.reference_tokens),
        unit="nats",
        higher_is_better=False,
        compared=False,
    ),
)
