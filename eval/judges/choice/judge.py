"""Choice accuracy: whether the right option is chosen, by log-probability or in a generated answer.

By log-probability the option with the highest sum over its tokens is chosen, and beside it the one with the highest sum
per character, which lm-evaluation-harness calls ``acc_norm``; where the options are letters, these are the same. In a
generated answer it is the option that the answer ends in, read as final answers of mathematics are
(``domains/mathematics/answers.py``): all right options, and no other. A measure never stands for the other.
"""

from collections.abc import Callable, Sequence

from data_recipes.schema.example import Example
from domains.mathematics.answers import is_checkable, is_right
from eval.answers import ModelAnswer
from eval.bilingual import Text
from eval.judges.judge import ItemScore, Judge, Judging, each


def _by(score: Callable[[str, float], float]) -> Judging:
    """Whether the option with the highest score is the right one; of equal ones the first counts."""

    def is_right(example: Example, answer: ModelAnswer) -> float:
        options = answer.options if answer.text else {}  # of a model that gives no numbers none is chosen
        chosen = max(options, key=lambda option: score(option, options[option]), default="")
        return float(chosen == example.result)

    def judging(examples: Sequence[Example], answers: Sequence[ModelAnswer]) -> list[ItemScore | None]:
        scores = [is_right(example, answer) for example, answer in zip(examples, answers, strict=True)]
        return [ItemScore(value, (value, 1.0)) for value in scores]

    return judging


JUDGES = (
    Judge(
        name="choice_logprob",
        title=Text("选择题正确率（对数概率）", "Right options by log-probability"),
        meaning=Text("正确选项的对数概率最大", "the right option has the highest log-probability"),
        signature="choice_logprob|lm-eval-0.4.13:acc|sum,first-of-equal|v1",
        applies=lambda example: bool(example.choices),
        judge=_by(lambda option, logprob: logprob),
        reads="options",
        prominence="headline",
    ),
    Judge(
        name="choice_logprob_per_character",
        title=Text("选择题正确率（每字对数概率）", "Right options by log-probability per character"),
        meaning=Text("同上，除以选项的字数", "the same, divided by the characters of the option"),
        signature="choice_logprob_per_character|lm-eval-0.4.13:acc_norm|sum/characters,first-of-equal|v1",
        applies=lambda example: bool(example.choices),
        judge=_by(lambda option, logprob: logprob / len(option)),
        reads="options",
    ),
    Judge(
        name="choice_generated",
        title=Text("选择题正确率（生成的回答）", "Right options in generated answers"),
        meaning=Text("回答最后选定的正是全部正确选项", "the answer ends in the set of right options"),
        signature="choice_generated|final:mark,undenied|all-options|v1",
        applies=lambda example: bool(example.choices) and is_checkable(example.result),
        judge=each(lambda example, answer: float(is_right(answer, example.result))),
        prominence="headline",
        checks_pairs=True,
    ),
)
