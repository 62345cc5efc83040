"""Zero-shot and few-shot: the question as it is, once; solved items before it are part of the prompt already."""

from typing import Literal

from pydantic import Field

from strategies.strategy import ModelCall, Question, Solving, Strategy, StrategyConfig


class ZeroShotConfig(StrategyConfig):
    """The question alone."""

    name: Literal["zero_shot"] = "zero_shot"
    shots: Literal[0] = 0


class FewShotConfig(StrategyConfig):
    """Solved items before the question (Brown et al. 2020)."""

    name: Literal["few_shot"] = "few_shot"
    shots: int = Field(default=3, ge=1, le=32)


def _solve(config: StrategyConfig, question: Question, seed: int) -> Solving:
    [reply] = yield [ModelCall(question.messages)]
    return reply


ZERO_SHOT = Strategy(("零样本", "zero-shot"), ZeroShotConfig, _solve, lambda config: 1)
FEW_SHOT = Strategy(("少样本", "few-shot"), FewShotConfig, _solve, lambda config: 1)
