"""How sure a score is, and whether two systems differ: by how much groups of items vary, with Holm's correction.

Items that share a group (the same disease asked about in ten ways) succeed and fail together, so the unit is the group,
never the single item. Every metric is a function of sums over items (a mean is a sum over a count, corpus BLEU a
function of summed n-gram counts), so what it would be without a group is one subtraction. Nothing is drawn at random.
``benchmarks/eval/coverage.py`` shows how often intervals cover the truth, and how often equal systems are called
different.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

Array = npt.NDArray[np.float64]

Aggregate = Callable[[Array], Array]
"""Turns summed statistics ``[..., k]`` into scores ``[...]``."""

Verdict = Literal["better", "worse", "equivalent", "no difference shown", "loops", "unfinished", "no verdict"]
"""``equivalent``: whatever the difference is, it is too small to matter; ``loops`` is what would be better, of a system
that loops too often to be called so; ``unfinished`` is what would be better where too many answers, of either system,
are no whole answers; ``no verdict`` is for what is no primary metric, or of too few items."""

LEVEL = 0.05
POWER = 0.8
LEAST_ITEMS, LEAST_GROUPS = 10, 6  # fewer get no verdict; five groups that all improve still have a chance of 1 in 16
ROUNDING = 1e-12
"""Of sums of scores that are equal, added in another order."""
ALIKE, WEIGHT = 0.5, 0.75
"""What is supposed of groups before they are seen: one more group counts with ``WEIGHT``, in which this share of the
items failed together. Without it, a share near 0 or 1 whose few failures happen to lie apart would look too sure."""


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

    def within(self, least: float, most: float) -> "Estimate":
        """The same with an interval that does not leave the range of the score."""
        if self.low is None or self.high is None:
            return self
        return replace(self, low=max(self.low, least), high=min(self.high, most))


@dataclass(frozen=True)
class Difference:
    """Tuned minus base on the same items.

    Attributes:
        low: Lower end of the 95 % interval; None where the items allow no statement.
        high: Upper end.
        groups: Number of groups, the unit of everything here.
        p: Two-sided p-value; below 0.05 exactly where the interval does not have 0 in it.
        detectable: The smallest difference that as many items find in four of five cases; None where nothing varies.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    groups: int
    p: float
    detectable: float | None

    def within(self, least: float, most: float) -> "Difference":
        """The same with an interval that does not leave what scores of this range can differ by."""
        if self.low is None or self.high is None:
            return self
        return replace(self, low=max(self.low, least - most), high=min(self.high, most - least))


def ratio(totals: Array) -> Array:
    """First sum over second sum: a mean where the second counts items, a rate where it counts tokens."""
    result: Array = totals[..., 0] / totals[..., 1]
    return result


@np.errstate(invalid="ignore", divide="ignore")
def estimate(statistics: Array, groups: Sequence[str], aggregate: Aggregate) -> Estimate:
    """A score with its interval: ``of_share`` where it is a mean of scores from 0 to 1, else ``_jackknife``.

    Args:
        statistics: Per item, ``[items, k]``.
        groups: Group of each item.
        aggregate: Turns summed statistics into a score.
    """
    sums = _sums_by_group(statistics, groups)
    value = float(aggregate(sums.sum(axis=0)))
    low, high = of_share(statistics[:, 0], groups) if _is_share(statistics, aggregate) else _jackknife(sums, aggregate)
    return Estimate(value, low, high, len(statistics))


@np.errstate(invalid="ignore", divide="ignore")
def compare(base: Array, tuned: Array, groups: Sequence[str], aggregate: Aggregate) -> Difference:
    """Compares two systems on the same items: the paired t-test over groups, by the jackknife of the difference.

    Args:
        base: Statistics of the base model, ``[items, k]``.
        tuned: Statistics of the tuned model on the same items, ``[items, k]``.
        groups: Group of each item.
        aggregate: Turns summed statistics into a score.
    """
    both = np.concatenate([_sums_by_group(base, groups), _sums_by_group(tuned, groups)], axis=1)
    width = base.shape[1]

    def difference(totals: Array) -> Array:
        result: Array = aggregate(totals[..., width:]) - aggregate(totals[..., :width])
        return result

    value, count = float(difference(both.sum(axis=0))), len(both)
    error = _standard_error(both, difference)
    value = 0.0 if abs(value) < ROUNDING else value
    if error is None or not math.isfinite(value):
        return Difference(value, None, None, len(base), count, 0.0 if math.isinf(value) else 1.0, None)
    if error < ROUNDING:  # every group differs by the same, or none does
        return _all_alike(value, len(base), count)
    half = _t(1 - LEVEL / 2, count) * error
    p = float(2 * stats.t.sf(abs(value) / error, count - 1))
    detectable = (_t(1 - LEVEL / 2, count) + _t(POWER, count)) * error
    return Difference(value, value - half, value + half, len(base), count, p, detectable)


def _all_alike(value: float, items: int, groups: int) -> Difference:
    """A difference that every group has: by the sign test, and by how many groups may differ the other way unseen."""
    if not value:
        return Difference(0.0, None, None, items, groups, 1.0, None)
    surely = (LEVEL / 2) ** (1 / groups)  # the share of groups that differ this way, at the least (Clopper and Pearson)
    low, high = sorted((value * (2 * surely - 1), value))
    return Difference(value, low, high, items, groups, 2.0 ** (1 - groups), None)


def of_share(scores: Array, groups: Sequence[str]) -> tuple[float, float] | tuple[None, None]:
    """The interval of a mean of scores from 0 to 1, which are right and wrong as a whole or in part.

    The exact binomial interval (Clopper and Pearson 1934) of as many independent items as the groups are worth (Korn
    and Graubard 1998): the fewer, the more alike the items of a group are. It is never empty and never beyond 0 and 1.

    Args:
        scores: ``[items]``.
        groups: Group of each item.

    Returns:
        Both ends; None where all items are of one group.
    """
    n, share = len(scores), float(scores.mean())
    of_groups = _sums_by_group(np.stack([scores, np.ones(n)], axis=1), groups)
    count, sizes = len(of_groups), of_groups[:, 1]
    if count < 2:
        return None, None
    usual, larger = ALIKE * float((sizes**2).sum()) / n, max(share, 1 - share)
    spread = float(((of_groups[:, 0] - share * sizes) ** 2).sum()) * count / (count - 1)
    independent = n * share * (1 - share)
    # how much a score varies, where that of an item that is right or wrong is 1
    single = (float(((scores - share) ** 2).sum()) + WEIGHT * larger**2) / (independent + WEIGHT * larger**2)
    grouped = (spread + WEIGHT * (usual * larger) ** 2) / (independent + WEIGHT * usual * larger**2)
    if count < n:  # by how few groups that is known
        grouped *= (_t(1 - LEVEL / 2, count) / float(stats.norm.ppf(1 - LEVEL / 2))) ** 2
    worth = n / (max(grouped, single) if count < n else single)
    right, wrong = share * worth, (1 - share) * worth
    low = stats.beta.ppf(LEVEL / 2, right, wrong + 1) if right else 0.0
    high = stats.beta.ppf(1 - LEVEL / 2, right + 1, wrong) if wrong else 1.0
    return float(low), float(high)


def items_for(n: int, width: float, wanted: float, *, at_edge: bool = False) -> int:
    """About how many items narrow what ``n`` items leave open, rounded up to two digits; of groups as large as here.

    Args:
        n: Number of items.
        width: What they leave open: a detectable difference, or from a score to the end of its interval.
        wanted: How much may be left open.
        at_edge: Whether the score is 0 or 1: its interval narrows with the items, and others with their square root.
    """
    needed = n * (width / wanted) ** (1 if at_edge else 2)
    step = 10 ** max(0, math.floor(math.log10(needed)) - 1)
    return math.ceil(needed / step) * step


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusts p-values for multiple tests (Holm 1979); the order is kept."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def verdict(difference: Difference, adjusted_p: float, *, higher_is_better: bool, matters: float) -> Verdict:
    """What a difference shows in plain words, at the 5 % level.

    Args:
        difference: Tuned minus base.
        adjusted_p: Its p-value, corrected for multiple tests.
        higher_is_better: Whether a higher score is better.
        matters: The smallest difference that anybody would act on, in the units of the score.
    """
    low, high = difference.low, difference.high
    if low is not None and high is not None and -matters < low and high < matters:
        return "equivalent"
    better = (difference.value > 0) == higher_is_better
    if adjusted_p >= LEVEL or difference.value == 0 or (better and math.isinf(difference.value)):
        return "no difference shown"  # beside a base that gives no numbers, nothing is better
    return "better" if better else "worse"


def _sums_by_group(statistics: Array, groups: Sequence[str]) -> Array:
    """Statistics summed within each group, ``[groups, k]``."""
    names, place = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.zeros((len(names), statistics.shape[1]))
    np.add.at(sums, place, statistics)
    return sums


def _jackknife(sums: Array, aggregate: Aggregate) -> tuple[float, float] | tuple[None, None]:
    """The interval of a score by Student's t over groups; none where nothing varies, which proves nothing."""
    error = _standard_error(sums, aggregate)
    if error is None or error < ROUNDING:
        return None, None
    value, half = float(aggregate(sums.sum(axis=0))), _t(1 - LEVEL / 2, len(sums)) * error
    return value - half, value + half


def _standard_error(sums: Array, aggregate: Aggregate) -> float | None:
    """By leaving out one group at a time (Efron and Tibshirani 1993, chapter 11); None where that tells nothing."""
    count = len(sums)
    if count < 2:
        return None
    without = aggregate(sums.sum(axis=0) - sums)
    if not np.isfinite(without).all():
        return None
    return float(np.sqrt((count - 1) * without.var()))


def _t(probability: float, groups: int) -> float:
    return float(stats.t.ppf(probability, groups - 1))


def _is_share(statistics: Array, aggregate: Aggregate) -> bool:
    """Whether the metric is the mean of scores from 0 to 1."""
    if aggregate is not ratio or not (statistics[:, 1] == 1).all():
        return False
    return bool(((statistics[:, 0] >= 0) & (statistics[:, 0] <= 1)).all())
