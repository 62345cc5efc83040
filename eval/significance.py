"""How sure a score is, and whether two models differ: cluster bootstrap, sign-flip test, McNemar, Holm.

Items that share a group (the same disease asked about in ten ways) succeed and fail together, so whole groups are
drawn, never single items. Every metric is a function of sums over items (a mean is a sum over a count, corpus BLEU a
function of summed n-gram counts), so a resample is one weighted sum and thousands of them are one matrix product.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

Aggregate = Callable[[Array], Array]
"""Turns summed statistics ``[..., k]`` into scores ``[...]``."""

Verdict = Literal["better", "worse", "no difference shown", "loops", "unfinished", "no verdict"]
"""``loops`` is what would be better, of a system that loops too often to be called so; ``unfinished`` is what would be
better where too many answers, of either system, are no whole answers; ``no verdict`` is for what is no primary metric,
or of too few items."""

RESAMPLES = 2_000
PERMUTATIONS = 10_000
LEVEL = 0.05
LEAST_ITEMS = 10  # fewer get no verdict
BLOCK = 500  # resamples drawn at once, to limit memory on large suites


@dataclass(frozen=True)
class Estimate:
    """A score with its 95 % interval; no bounds where a single group or an infinite loss allows none.

    Attributes:
        n: Number of items.
    """

    value: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Difference:
    """Tuned minus base on the same items.

    Attributes:
        low: Lower end of the 95 % interval; None where the items allow no statement.
        high: Upper end.
        groups: Number of groups, the unit of resampling.
        p: Two-sided p-value of the sign-flip test over groups.
        mcnemar_p: Exact McNemar over single items, for 0/1 metrics only; it ignores the groups.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    groups: int
    p: float
    mcnemar_p: float | None


def ratio(totals: Array) -> Array:
    """First sum over second sum: a mean where the second counts items, a rate where it counts tokens."""
    result: Array = totals[..., 0] / totals[..., 1]
    return result


@np.errstate(invalid="ignore")  # an infinite loss times zero; the interval is then unknown
def estimate(statistics: Array, groups: Sequence[str], aggregate: Aggregate, *, seed: int) -> Estimate:
    """A score with a cluster bootstrap percentile interval (Field and Welsh 2007, the randomised cluster bootstrap).

    A share that is exactly 0 or 1 does not vary under resampling; it gets the exact binomial bound over groups
    (Clopper and Pearson 1934) instead of an interval of width zero.

    Args:
        statistics: Per item, ``[items, k]``.
        groups: Group of each item.
        aggregate: Turns summed statistics into a score.
        seed: Seed of the resamples.
    """
    sums = _sums_by_group(statistics, groups)
    value = float(aggregate(sums.sum(axis=0)))
    count = len(sums)
    if _is_binary(statistics) and value in (0.0, 1.0):
        margin = 1 - (LEVEL / 2) ** (1 / count)
        return Estimate(value, max(0.0, value - margin), min(1.0, value + margin), len(statistics))
    if count < 2:
        return Estimate(value, None, None, len(statistics))
    low, high = _interval(aggregate(_resampled(sums, seed)))
    return Estimate(value, low, high, len(statistics))


@np.errstate(invalid="ignore")
def compare(base: Array, tuned: Array, groups: Sequence[str], aggregate: Aggregate, *, seed: int) -> Difference:
    """Compares two systems on the same items.

    The interval of the difference draws the same groups for both systems. The p-value exchanges the systems within
    random groups (approximate randomisation, Noreen 1989): for a mean, the sign-flip test of the group differences.

    Args:
        base: Statistics of the base model, ``[items, k]``.
        tuned: Statistics of the tuned model on the same items, ``[items, k]``.
        groups: Group of each item.
        aggregate: Turns summed statistics into a score.
        seed: Seed of resamples and exchanges.
    """
    base_sums, tuned_sums = _sums_by_group(base, groups), _sums_by_group(tuned, groups)
    value = float(aggregate(tuned_sums.sum(axis=0)) - aggregate(base_sums.sum(axis=0)))
    resampled = aggregate(_resampled(tuned_sums, seed)) - aggregate(_resampled(base_sums, seed))
    # one group cannot be resampled, and where no group differs, no resample will: neither bounds the difference
    known = len(base_sums) > 1 and not np.array_equal(base_sums, tuned_sums)
    low, high = _interval(resampled) if known else (None, None)
    p = _exchange_p(base_sums, tuned_sums, aggregate, value, seed)
    binary = _is_binary(base) and _is_binary(tuned)
    mcnemar = mcnemar_exact(base[:, 0], tuned[:, 0]) if binary else None
    return Difference(value, low, high, len(base), len(base_sums), p, mcnemar)


def mcnemar_exact(base: Array, tuned: Array) -> float:
    """Two-sided exact McNemar test of paired 0/1 outcomes (McNemar 1947): a binomial test of the discordant pairs."""
    won = int(((base == 0) & (tuned == 1)).sum())
    lost = int(((base == 1) & (tuned == 0)).sum())
    discordant = won + lost
    tail = sum(math.comb(discordant, k) for k in range(min(won, lost) + 1))
    return min(1.0, float(2 * tail / 2**discordant))  # exact integers until the division


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusts p-values for multiple tests (Holm 1979); the order is kept."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def verdict(difference: float, adjusted_p: float, *, higher_is_better: bool) -> Verdict:
    """What a difference shows in plain words, at the 5 % level."""
    if adjusted_p >= LEVEL or difference == 0 or math.isnan(difference):
        return "no difference shown"
    return "better" if (difference > 0) == higher_is_better else "worse"


def _sums_by_group(statistics: Array, groups: Sequence[str]) -> Array:
    """Statistics summed within each group, ``[groups, k]``."""
    names, place = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.zeros((len(names), statistics.shape[1]))
    np.add.at(sums, place, statistics)
    return sums


def _resampled(sums: Array, seed: int) -> Array:
    """Sums over groups drawn with replacement, ``[RESAMPLES, k]``; the same seed draws the same groups."""
    generator = np.random.default_rng(seed)
    count = len(sums)
    even = np.full(count, 1 / count)
    return np.concatenate([generator.multinomial(count, even, BLOCK) @ sums for _ in range(RESAMPLES // BLOCK)])


def _interval(scores: Array) -> tuple[float, float] | tuple[None, None]:
    if not np.isfinite(scores).all():
        return None, None
    low, high = np.quantile(scores, [LEVEL / 2, 1 - LEVEL / 2])
    return float(low), float(high)


def _exchange_p(base: Array, tuned: Array, aggregate: Aggregate, observed: float, seed: int) -> float:
    generator = np.random.default_rng(seed)
    as_extreme = 0
    for _ in range(PERMUTATIONS // BLOCK):
        moved = generator.integers(0, 2, (BLOCK, len(base))).astype(np.float64) @ (tuned - base)
        differences = aggregate(tuned.sum(axis=0) - moved) - aggregate(base.sum(axis=0) + moved)
        as_extreme += int((np.abs(differences) >= abs(observed) - 1e-9).sum())
    return (as_extreme + 1) / (PERMUTATIONS + 1)  # counts the observed one, so p is never 0 (Phipson and Smyth 2010)


def _is_binary(statistics: Array) -> bool:
    """Whether the statistics are one 0 or 1 per item over a count of one."""
    return statistics.shape[1] == 2 and bool(np.isin(statistics[:, 0], (0, 1)).all() and (statistics[:, 1] == 1).all())
