"""Solved items of the training split before each question, none of which overlaps with anything that is asked."""

from collections.abc import Mapping, Sequence

from common.errors import UserError
from data_recipes.leakage import overlap
from data_recipes.schema.example import Example
from data_recipes.sources.derived.demonstrations import Demonstrations, prefixed, shown
from strategies.strategy import StrategyConfig

LONGEST = 800
"""Characters of a demonstration."""
LARGEST_POOL = 20_000
"""Training rows that are searched."""


def with_shots(
    suites: Mapping[str, Sequence[Example]], train: Sequence[Example], config: StrategyConfig, seed: int
) -> tuple[dict[str, list[Example]], dict[str, tuple[str, ...]]]:
    """The items with demonstrations in their system turn.

    Args:
        suites: The items by suite.
        train: The training split.
        config: How many, and how they are chosen.
        seed: Of the choice.

    Returns:
        The items, and by suite the ids of the training rows that are shown.

    Raises:
        UserError: There are too few training rows that share nothing with an item.
    """
    asked = [example for examples in suites.values() for example in examples]
    pool = [row for row in train[:LARGEST_POOL] if row.has_reference]
    found = overlap.measure(overlap.fingerprints_of(asked), pool)
    leaked = {*found.exact_ids, *found.ngram_ids}
    demonstrations = Demonstrations(
        [row for row in pool if row.id not in leaked],
        config.shots,
        config.choice,
        same_kind=True,
        longest=LONGEST,
        seed=seed,
    )
    items: dict[str, list[Example]] = {}
    ids: dict[str, tuple[str, ...]] = {}
    for suite, examples in suites.items():
        chosen = [demonstrations.of(example) for example in examples]
        if any(len(rows) < config.shots for rows in chosen):
            raise UserError(
                f"too few training rows for {config.shots} demonstrations: {len(pool)} with an answer, of which "
                f"{len(leaked)} overlap with what is asked",
                where="suite.strategy.shots",
                fix="fewer shots, or dataset=DIR of a dataset with a training split",
            )
        items[suite] = [prefixed(example, shown(rows)) for example, rows in zip(examples, chosen, strict=True)]
        ids[suite] = tuple(dict.fromkeys(row.id for rows in chosen for row in rows))
    return items, ids
