"""Chain of thought (Kojima et al. 2022), and self-consistency (Wang et al. 2023): several chains vote on the answer.

Chains agree where they end in the same final answer: the same options where there are options, the same quantities
where both state some, else the same text. Of equal votes the earliest chain wins.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from data_recipes.schema.example import Example
from domains.mathematics.answers import final_letters, same_answer
from eval.answers import ModelAnswer
from eval.bilingual import Text
from eval.strategies.strategy import Solving, Strategy, StrategyConfig, asking, question_of, seed_of

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


def _question(example: Example) -> str:
    return f"{question_of(example)}\n\n{STEP_BY_STEP}"


def _think(config: ChainOfThoughtConfig, example: Example, seed: int) -> Solving:
    [reply] = yield [asking(example, _question(example))]
    return reply


def _vote(config: SelfConsistencyConfig, example: Example, seed: int) -> Solving:
    question, temperature = _question(example), config.temperature
    replies = yield [
        asking(example, question, temperature, seed_of(seed, example, "sample", number))
        for number in range(config.samples)
    ]
    return elected(replies, options=bool(example.choices))


def elected(replies: Sequence[ModelAnswer], *, options: bool) -> ModelAnswer:
    """The earliest of the replies whose final answer most of them share.

    Args:
        replies: What was sampled.
        options: Whether the answer is a letter.
    """
    votes = [sum(_agree(one.text, other.text, options) for other in replies) for one in replies]
    return replies[votes.index(max(votes))]


def _agree(one: str, other: str, options: bool) -> bool:
    if options:
        return bool(final_letters(one)) and final_letters(one) == final_letters(other)
    return same_answer(one, other) or (bool(one.strip()) and "".join(one.split()) == "".join(other.split()))


CHAIN_OF_THOUGHT = Strategy(Text("思维链", "chain of thought"), ChainOfThoughtConfig, _think, lambda config: 1)
SELF_CONSISTENCY = Strategy(
    Text("自洽投票", "self-consistency"), SelfConsistencyConfig, _vote, lambda config: config.samples
)
