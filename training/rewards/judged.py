"""What a judge of reports finds in an answer, as a reward."""

from collections.abc import Sequence

from data_recipes.schema.example import Example
from eval.answers import ModelAnswer
from eval.judges import JUDGES
from eval.judges.judge import Judge


def judge_of(names: Sequence[str], example: Example) -> Judge | None:
    """The first of some judges that applies to a question."""
    return next((JUDGES[name] for name in names if JUDGES[name].applies(example)), None)


def judged(names: Sequence[str], example: Example, answer: str) -> float:
    """The score of an answer by the judge that applies, 1 for the best; 0 where none does."""
    judge = judge_of(names, example)
    found = judge.judge([example], [ModelAnswer(text=answer)])[0] if judge else None
    if judge is None or found is None:
        return 0.0
    return found.score if judge.higher_is_better else 1.0 - found.score
