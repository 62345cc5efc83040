"""Chain of thought (Kojima et al. 2022), and self-consistency (Wang et al. 2023): several chains vote on the answer."""

from typing import Literal

from pydantic import Field

from strategies.strategy import Question, Solving, Strategy, StrategyConfig, asking, seed_of
from strategies.voting import elected

STEP_BY_STEP = "请一步一步思考，最后一行写“答案：”和最后的答案。"


class ChainOfThoughtConfig(StrategyConfig):
    """One chain of thought, greedily."""

    name: Literal["chain_of_thought"] = "chain_of_thought"


class SelfConsistencyConfig(StrategyConfig):
    """Several sampled chains that vote.

    Attributes:
        samples: How many.
        temperature: Of the samples.
    """

    name: Literal["self_consistency"] = "self_consistency"
    samples: int = Field(default=5, ge=2, le=64)
    temperature: float = Field(default=0.7, gt=0, le=2)


def _in_steps(question: Question) -> str:
    return f"{question.text}\n\n{STEP_BY_STEP}"


def _think(config: ChainOfThoughtConfig, question: Question, seed: int) -> Solving:
    [reply] = yield [asking(question, _in_steps(question))]
    return reply


def _vote(config: SelfConsistencyConfig, question: Question, seed: int) -> Solving:
    replies = yield [
        asking(question, _in_steps(question), config.temperature, seed_of(seed, question, "sample", number))
        for number in range(config.samples)
    ]
    return elected(replies, options=question.options)


CHAIN_OF_THOUGHT = Strategy(("思维链", "chain of thought"), ChainOfThoughtConfig, _think, lambda config: 1)
SELF_CONSISTENCY = Strategy(
    ("自洽投票", "self-consistency"), SelfConsistencyConfig, _vote, lambda config: config.samples
)
