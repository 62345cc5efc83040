"""The prompting strategies, in one table."""

from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Field

from strategies import chain_of_thought, decomposition, direct, prompt_ensemble, tree_of_thoughts
from strategies.strategy import Strategy, StrategyConfig

_ALL = (
    direct.ZERO_SHOT,
    direct.FEW_SHOT,
    chain_of_thought.CHAIN_OF_THOUGHT,
    chain_of_thought.SELF_CONSISTENCY,
    prompt_ensemble.PROMPT_ENSEMBLE,
    decomposition.LEAST_TO_MOST,
    tree_of_thoughts.TREE_OF_THOUGHTS,
    # a new strategy is added here (and imported above)
)

STRATEGIES: dict[str, Strategy] = {strategy.config.model_fields["name"].default: strategy for strategy in _ALL}
"""The strategies by name."""

if TYPE_CHECKING:
    AnyStrategyConfig = StrategyConfig
else:
    AnyStrategyConfig = Annotated[Union[tuple(s.config for s in _ALL)], Field(discriminator="name")]  # noqa: UP007


def named(value: Any) -> Any:
    """A strategy in one word is that strategy with its defaults."""
    return {"name": value} if isinstance(value, str) else value


def most_calls(config: StrategyConfig) -> int:
    """The budget of a strategy: calls per question."""
    return STRATEGIES[config.name].calls(config)
