"""Pair accuracy: of a better and a worse answer to one question, a system rates the better one higher.

Equal ratings are wrong. A coin gets a half.
"""

from collections.abc import Sequence

from data_recipes.schema.example import Example
from eval.answers import ModelAnswer
from eval.bilingual import Text
from eval.judges.judge import ItemScore, Judge


def _judged(examples: Sequence[Example], answers: Sequence[ModelAnswer]) -> list[ItemScore | None]:
    right = [float(answer.text == example.answer) for example, answer in zip(examples, answers, strict=True)]
    return [ItemScore(score, (score, 1.0)) for score in right]


JUDGES = (
    Judge(
        name="pair_accuracy",
        title=Text("偏好判断正确率", "Pairs rated rightly"),
        meaning=Text("给较好的回答打分更高的比例；随机为一半", "rates the better answer higher; a coin gets a half"),
        signature="pair_accuracy|higher,ties-wrong|v1",
        applies=lambda example: bool(example.rejected),
        judge=_judged,
        reads="preferred",
        prominence="headline",
    ),
)
