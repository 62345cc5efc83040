"""What judges of reports find in an answer, as a reward."""

from data_recipes.schema.example import Example
from eval.answers import ModelAnswer
from eval.judges import JUDGES
from eval.judges.judge import Judge
from training.rewards.reward import RewardConfig, RewardKind, Scorer


def judged_by(config: type[RewardConfig], *names: str) -> RewardKind[RewardConfig]:
    """A reward: the score of an answer by the first of some judges that applies to its question, 1 for the best."""

    def judge_of(example: Example) -> Judge | None:
        return next((JUDGES[name] for name in names if JUDGES[name].applies(example)), None)

    def score(example: Example, answer: str) -> float:
        judge = judge_of(example)
        found = judge.judge([example], [ModelAnswer(text=answer)])[0] if judge else None
        if judge is None or found is None:
            return 0.0
        return found.score if judge.higher_is_better else 1.0 - found.score

    def make(config: RewardConfig) -> Scorer:
        return lambda examples, answers: [score(*pair) for pair in zip(examples, answers, strict=True)]

    return RewardKind(config, lambda example: judge_of(example) is not None, make)
