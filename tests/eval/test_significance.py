"""The statistics against known cases and independent implementations."""

import numpy as np
import pytest
from scipy import stats

from eval.significance import Array, compare, estimate, holm, mcnemar_exact, ratio, verdict


def means(scores: Array) -> Array:
    return np.stack([scores, np.ones(len(scores))], axis=1)


def clustered(seed: int, spread: float = 1.0, mean: float = 0.0, clusters: int = 40, size: int = 5) -> Array:
    """Scores whose clusters share a common part."""
    generator = np.random.default_rng(seed)
    common = generator.normal(mean, spread, clusters).repeat(size)
    return np.asarray(common + generator.normal(0, 0.5, clusters * size))


GROUPS = [str(i // 5) for i in range(200)]


def test_interval_covers_the_truth_where_items_are_clustered() -> None:
    found = [estimate(means(clustered(seed)), GROUPS, ratio, seed=1) for seed in range(200)]
    covered = np.mean([e.low is not None and e.high is not None and e.low <= 0 <= e.high for e in found])
    assert 0.89 <= covered <= 0.99


def test_ignoring_clusters_would_be_overconfident() -> None:
    alone = [str(i) for i in range(200)]
    narrow = [estimate(means(clustered(seed)), alone, ratio, seed=1) for seed in range(100)]
    covered = np.mean([e.low is not None and e.high is not None and e.low <= 0 <= e.high for e in narrow])
    assert covered < 0.8


def test_same_seed_same_interval() -> None:
    scores = means(clustered(0))
    assert estimate(scores, GROUPS, ratio, seed=3) == estimate(scores, GROUPS, ratio, seed=3)


def test_perfect_share_has_the_exact_binomial_bound() -> None:
    found = estimate(means(np.ones(20)), [str(i) for i in range(20)], ratio, seed=1)
    expected = stats.binomtest(20, 20).proportion_ci(method="exact")
    assert found.low == pytest.approx(expected.low)
    assert found.high == 1.0


def test_a_single_group_has_no_interval() -> None:
    found = estimate(means(np.array([0.2, 0.6])), ["a", "a"], ratio, seed=1)
    assert found.value == pytest.approx(0.4)
    assert (found.low, found.high) == (None, None)


def test_no_difference_is_rarely_called_one() -> None:
    p_values = [compare(means(clustered(s)), means(clustered(s + 1000)), GROUPS, ratio, seed=1).p for s in range(60)]
    assert np.mean(np.array(p_values) < 0.05) <= 0.15


def test_a_clear_difference_is_found() -> None:
    base = clustered(0)
    found = compare(means(base), means(base + 0.5), GROUPS, ratio, seed=1)
    assert found.value == pytest.approx(0.5)
    assert found.p < 0.001
    assert found.low == pytest.approx(0.5)
    assert found.groups == 40


def test_identical_systems_have_p_one_and_no_interval_of_width_zero() -> None:
    base = means(clustered(0))
    found = compare(base, base, GROUPS, ratio, seed=1)
    assert found.p == 1.0
    assert (found.low, found.high) == (None, None)


def test_sign_flip_p_matches_full_enumeration() -> None:
    base, tuned = np.zeros(8), np.array([0.4, 0.1, -0.2, 0.3, 0.5, 0.2, -0.1, 0.6])
    groups = [str(i) for i in range(8)]
    signs = np.array(np.meshgrid(*[[-1, 1]] * 8)).reshape(8, -1)
    exact = np.mean(np.abs(tuned @ signs) >= abs(tuned.sum()) - 1e-9)
    assert compare(means(base), means(tuned), groups, ratio, seed=1).p == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize(("won", "lost"), [(0, 0), (5, 0), (10, 3), (4, 4), (900, 800)])
def test_mcnemar_is_the_binomial_test_of_discordant_pairs(won: int, lost: int) -> None:
    base = np.array([0.0] * won + [1.0] * lost + [1.0, 0.0])
    tuned = np.array([1.0] * won + [0.0] * lost + [1.0, 0.0])
    expected = stats.binomtest(won, won + lost).pvalue if won + lost else 1.0
    assert mcnemar_exact(base, tuned) == pytest.approx(expected)


def test_mcnemar_is_only_for_shares() -> None:
    assert compare(means(clustered(0)), means(clustered(1)), GROUPS, ratio, seed=1).mcnemar_p is None


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@pytest.mark.parametrize(
    ("difference", "p", "higher", "expected"),
    [
        (0.2, 0.01, True, "better"),
        (0.2, 0.01, False, "worse"),
        (-0.2, 0.01, True, "worse"),
        (0.2, 0.05, True, "no difference shown"),
    ],
)
def test_verdict(difference: float, p: float, higher: bool, expected: str) -> None:
    assert verdict(difference, p, higher_is_better=higher) == expected
