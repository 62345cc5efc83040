"""How often intervals cover the truth and equal systems are called different, on simulated answers.

python benchmarks/eval/coverage.py        writes benchmarks/eval/coverage.md, a minute or two
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from common.files import write_text
from eval.significance import Array, compare, of_share, ratio

DRAWS = 400
SHARES = (0.02, 0.05, 0.2, 0.5, 0.8, 0.95, 0.98)
ALIKE = (0.0, 0.1, 0.3, 0.5)
"""Correlation of two items of a group (ICC)."""
SIZES: tuple[tuple[int, str], ...] = (
    *((20, "1"), (48, "1"), (100, "1"), (500, "1"), (2000, "1"), (10, "2"), (10, "5"), (10, "20"), (20, "5")),
    *((20, "20"), (48, "10"), (48, "1 to 20"), (100, "5"), (100, "20"), (500, "4")),
)
"""Groups, and items in each."""
HEAD = """# Intervals and verdicts

Made by `python benchmarks/eval/coverage.py`: {draws} simulated suites for each of {cells} cases. Groups of answers
whose share of right ones is drawn from a beta distribution around the truth (0.02 to 0.98), with a correlation within
groups of 0 to 0.5. Numbers in %; of {draws} draws, chance alone moves a figure of 95 by about two.

| groups × items | intervals that cover the truth, mean | least | mean width | equal called different, mean | most |
|---|---|---|---|---|---|"""


@dataclass(frozen=True)
class Case:
    """Suites of one kind."""

    groups: int
    sizes: npt.NDArray[np.int64]
    share: float
    alike: float

    def systems(self, random: np.random.Generator) -> tuple[Array, Array]:
        """The answers of two systems that are equally good at the same items, ``[items]`` each."""
        place = np.repeat(np.arange(self.groups), self.sizes)
        level = np.full(self.groups, self.share)
        if self.alike:
            strength = (1 - self.alike) / self.alike
            level = random.beta(self.share * strength, (1 - self.share) * strength, self.groups)
        one, other = ((random.random(len(place)) < level[place]).astype(float) for _ in range(2))
        return one, other


def main() -> None:
    """Simulates and writes the page."""
    random, lines, all_covered, all_alarms = np.random.default_rng(1), [], [], []
    cells = 0
    for groups, size in SIZES:
        found = [judged(case, random) for case in cases(groups, size)]
        cells += len(found)
        covered, width, alarms = (np.array(column) for column in zip(*found, strict=True))
        items = f"{groups} × {size}"
        lines.append(
            f"| {items} | {100 * covered.mean():.1f} | {100 * covered.min():.1f} | {100 * width.mean():.1f} |"
            f" {100 * alarms.mean():.1f} | {100 * alarms.max():.1f} |"
        )
        all_covered.append(covered)
        all_alarms.append(alarms)
    covered, alarms = np.concatenate(all_covered), np.concatenate(all_alarms)
    foot = (
        f"\nAll cases: {100 * covered.mean():.1f} % of intervals cover the truth, {100 * alarms.mean():.1f} % of equal "
        f"systems are called different.\n\nnumpy {version('numpy')}, scipy {version('scipy')}."
    )
    page = "\n".join([HEAD.format(draws=DRAWS, cells=cells), *lines, foot]) + "\n"
    write_text(Path(__file__).with_suffix(".md"), page)
    print(page)


def cases(groups: int, size: str) -> Iterator[Case]:
    """All shares and correlations; single items have none."""
    sizes = 1 + np.arange(groups) % 20 if size == "1 to 20" else np.full(groups, int(size))
    for share, alike in itertools.product(SHARES, ALIKE if size != "1" else ALIKE[:1]):
        yield Case(groups, sizes, share, alike)


def judged(case: Case, random: np.random.Generator) -> tuple[float, float, float]:
    """The shares of intervals that cover and of false alarms, and the mean width of the intervals."""
    names = np.repeat(np.arange(case.groups), case.sizes).astype(str).tolist()
    covered, widths, alarms = [], [], []
    for _ in range(DRAWS):
        one, other = case.systems(random)
        low, high = of_share(one, names)
        assert low is not None and high is not None
        covered.append(low <= case.share <= high)
        widths.append(high - low)
        base, tuned = (np.stack([scores, np.ones(len(scores))], axis=1) for scores in (one, other))
        alarms.append(compare(base, tuned, names, ratio).p < 0.05)
    return float(np.mean(covered)), float(np.mean(widths)), float(np.mean(alarms))


if __name__ == "__main__":
    main()
