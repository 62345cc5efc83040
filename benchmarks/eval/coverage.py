"""How often intervals cover the truth and equal systems are called different, on simulated answers.

python benchmarks/eval/coverage.py        writes benchmarks/eval/coverage.md, some minutes

All draws of a case are computed at once; that this is what reports compute is checked on the first of every case.
Chance alone makes some of so many cases look worse than a bound, so the worst is drawn again, far more often, until the
worst of all is one that was.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from common.files import write_text
from eval.significance import ALIKE, LEVEL, ROUNDING, WEIGHT, compare, of_share, ratio

Array = npt.NDArray[np.float64]
DRAWS, AGAIN, CHECKED = 5_000, 50_000, 5
SHARES = (0.02, 0.05, 0.2, 0.5, 0.8, 0.95, 0.98)
CORRELATIONS = (0.0, 0.1, 0.3, 0.5)
"""Of two items of a group (ICC)."""
SIZES: tuple[tuple[int, str], ...] = (
    *((20, "1"), (48, "1"), (100, "1"), (200, "1"), (500, "1"), (2000, "1"), (10, "2"), (10, "5"), (10, "20")),
    *((20, "5"), (20, "20"), (48, "10"), (48, "1 to 20"), (100, "2"), (100, "5"), (100, "20"), (500, "4")),
)
"""Groups, and items in each."""
LEAST_COVERED, MOST_COVERED, MANY, MOST_ALARMS = 0.93, 0.975, 200, 0.055
"""The bounds: of every case, of the mean of the cases of so many items, and of false alarms in every case."""
HEAD = """# Intervals and verdicts

Made by `python benchmarks/eval/coverage.py`: {draws:,} simulated suites for each of {cells} cases. Groups of answers
whose share of right ones is drawn from a beta distribution around the truth (0.02 to 0.98), with a correlation within
groups of 0 to 0.5. Numbers in %; of {draws:,} draws, chance alone moves a figure of 95 by 0.6. So the worst case of
each bound was drawn {again:,} times, which moves it by 0.2, until the worst of all was such a one: {redrawn} cases.

| groups × items | intervals that cover the truth, mean | least | mean width | equal called different, mean | most |
|---|---|---|---|---|---|"""


class Judged(NamedTuple):
    """Shares of the draws of a case, and the mean width of its intervals."""

    covered: float
    width: float
    alarms: float


@dataclass(frozen=True)
class Case:
    """Suites of one kind."""

    groups: int
    size: str
    share: float
    correlation: float

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Items in each group."""
        if self.size == "1 to 20":
            return 1 + np.arange(self.groups) % 20
        return np.full(self.groups, int(self.size))

    @property
    def items(self) -> int:
        """All items."""
        return int(self.sizes.sum())

    def draw(self, random: np.random.Generator, draws: int) -> tuple[Array, Array]:
        """Right answers by group of two systems that are equally good at the same items, ``[draws, groups]`` each."""
        level = np.full((draws, self.groups), self.share)
        if self.correlation:
            strength = (1 - self.correlation) / self.correlation
            level = random.beta(self.share * strength, (1 - self.share) * strength, level.shape)
        one, other = (random.binomial(self.sizes, level).astype(np.float64) for _ in range(2))
        return one, other


def main() -> None:
    """Simulates and writes the page."""
    random = np.random.default_rng(1)
    every = [case for groups, size in SIZES for case in cases(groups, size)]
    found = {case: judged(case, random, DRAWS) for case in every}
    again: set[Case] = set()
    for badness in (lambda one: -one.covered, lambda one: one.alarms):
        while (worst := max(every, key=lambda case: badness(found[case]))) not in again:
            found[worst] = judged(worst, random, AGAIN)
            again.add(worst)
    lines = [line(groups, size, [found[case] for case in cases(groups, size)]) for groups, size in SIZES]
    head = HEAD.format(draws=DRAWS, again=AGAIN, redrawn=len(again), cells=len(found))
    page = [head, *lines, "", *bounds(found), "", why(), f"\nnumpy {version('numpy')}, scipy {version('scipy')}.\n"]
    write_text(Path(__file__).with_suffix(".md"), "\n".join(page))
    print("\n".join(page))


def line(groups: int, size: str, row: list[Judged]) -> str:
    """The cases of one size."""
    covered, width, alarms = (np.array(column) for column in zip(*row, strict=True))
    values = [covered.mean(), covered.min(), width.mean(), alarms.mean(), alarms.max()]
    return f"| {groups} × {size} | {' | '.join(f'{100 * value:.1f}' for value in values)} |"


def why() -> str:
    """Why single rows are wider."""
    return f"""Single rows of few groups are above {100 * MOST_COVERED}. Ten groups do not tell whether twenty items
that are alike are worth twenty or two, and an interval that is right for two is too wide for twenty. Part of it is no
choice at all: 200 items in ten groups are worth 19 independent ones at a correlation of 0.5, and of 19 items the exact
interval covers a share of 0.02 in {100 * exact(19, 0.02):.1f}, of 0.05 in {100 * exact(19, 0.05):.1f}."""


def exact(items: int, share: float) -> float:
    """How often the exact binomial interval of independent items covers their share."""
    right = np.arange(items + 1)
    low = stats.beta.ppf(LEVEL / 2, right, items + 1 - right)
    high = stats.beta.ppf(1 - LEVEL / 2, right + 1, items - right)
    covers = ((right == 0) | (low <= share)) & ((right == items) | (share <= high))
    return float(stats.binom.pmf(right, items, share)[covers].sum())


def bounds(found: dict[Case, Judged]) -> Iterator[str]:
    """What must hold, and what was found."""
    least = min(result.covered for result in found.values())
    many = float(np.mean([result.covered for case, result in found.items() if case.items >= MANY]))
    most = max(result.alarms for result in found.values())
    yield "| bound | found | holds |\n|---|---|---|"
    for told, value, holds in (
        (f"intervals cover at least {100 * LEAST_COVERED:.0f} in every case", least, least >= LEAST_COVERED),
        (f"at most {100 * MOST_COVERED} in the mean of cases of {MANY} items or more", many, many <= MOST_COVERED),
        (f"false alarms of at most {100 * MOST_ALARMS} in every case", most, most <= MOST_ALARMS),
    ):
        yield f"| {told} | {100 * value:.2f} | {'yes' if holds else 'no'} |"


def cases(groups: int, size: str) -> Iterator[Case]:
    """All shares and correlations; single items have none."""
    for share, correlation in itertools.product(SHARES, CORRELATIONS if size != "1" else CORRELATIONS[:1]):
        yield Case(groups, size, share, correlation)


def judged(case: Case, random: np.random.Generator, draws: int) -> Judged:
    """Simulates a case."""
    one, other = case.draw(random, draws)
    low, high = intervals(one, case.sizes)
    alarms = told_apart(one, other, case.sizes)
    check(case, one, other, low, high, alarms)
    covered = (low <= case.share) & (case.share <= high)
    return Judged(float(covered.mean()), float((high - low).mean()), float(alarms.mean()))


def intervals(right: Array, sizes: npt.NDArray[np.int64]) -> tuple[Array, Array]:
    """``of_share`` of right and wrong answers, of all draws at once."""
    n, groups = int(sizes.sum()), len(sizes)
    share = right.sum(1) / n
    usual, larger = ALIKE * float((sizes**2).sum()) / n, np.maximum(share, 1 - share)
    worth = np.full(len(right), float(n))
    if groups < n:
        spread = ((right - share[:, None] * sizes) ** 2).sum(1) * groups / (groups - 1)
        independent = n * share * (1 - share)
        grouped = (spread + WEIGHT * (usual * larger) ** 2) / (independent + WEIGHT * usual * larger**2)
        grouped *= (stats.t.ppf(1 - LEVEL / 2, groups - 1) / stats.norm.ppf(1 - LEVEL / 2)) ** 2
        worth = n / np.maximum(grouped, 1)
    good, bad = share * worth, (1 - share) * worth
    with np.errstate(invalid="ignore"):
        low = np.where(share > 0, special.betaincinv(good, bad + 1, LEVEL / 2), 0.0)
        high = np.where(share < 1, special.betaincinv(good + 1, bad, 1 - LEVEL / 2), 1.0)
    return low, high


def told_apart(one: Array, other: Array, sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether ``compare`` has p below 5 %, of all draws at once."""
    n, groups = sizes.sum(), len(sizes)
    difference = other - one
    total = difference.sum(1)
    without = (total[:, None] - difference) / (n - sizes)
    error = np.sqrt((groups - 1) * without.var(1))
    alike = error < ROUNDING  # every group differs by the same, or none does
    beyond = np.abs(total / n) > stats.t.ppf(1 - LEVEL / 2, groups - 1) * error
    return np.where(alike, (np.abs(total) > 0) & (2.0 ** (1 - groups) < LEVEL), beyond)


def check(case: Case, one: Array, other: Array, low: Array, high: Array, alarms: npt.NDArray[np.bool_]) -> None:
    """Compares the first draws with what reports compute."""
    place = np.repeat(np.arange(case.groups), case.sizes)
    names = place.astype(str).tolist()
    for draw in range(CHECKED):
        answers = [items_of(of[draw], case.sizes) for of in (one, other)]
        np.testing.assert_allclose(of_share(answers[0], names), (low[draw], high[draw]), atol=1e-9)
        base, tuned = (np.stack([scores, np.ones(len(scores))], axis=1) for scores in answers)
        assert (compare(base, tuned, names, ratio).p < LEVEL) == alarms[draw]


def items_of(right: Array, sizes: npt.NDArray[np.int64]) -> Array:
    """As many right answers in each group, one by one."""
    groups = [np.arange(size) < count for count, size in zip(right, sizes, strict=True)]
    return np.concatenate(groups).astype(np.float64)


if __name__ == "__main__":
    main()
