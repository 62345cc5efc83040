"""The statistics against known cases and independent implementations."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from eval.significance import Array, Difference, Estimate, compare, estimate, holm, items_for, of_share, ratio, verdict


def means(scores: Array) -> Array:
    return np.stack([scores, np.ones(len(scores))], axis=1)


def clustered(seed: int, spread: float = 1.0, mean: float = 0.0, clusters: int = 40, size: int = 5) -> Array:
    """Scores whose clusters share a common part."""
    generator = np.random.default_rng(seed)
    common = generator.normal(mean, spread, clusters).repeat(size)
    return np.asarray(common + generator.normal(0, 0.5, clusters * size))


def alone(n: int) -> list[str]:
    return [str(i) for i in range(n)]


GROUPS = [str(i // 5) for i in range(200)]


def test_interval_covers_the_truth_where_items_are_clustered() -> None:
    found = [estimate(means(clustered(seed)), GROUPS, ratio) for seed in range(200)]
    covered = np.mean([e.low is not None and e.high is not None and e.low <= 0 <= e.high for e in found])
    assert 0.89 <= covered <= 0.99


def test_ignoring_clusters_would_be_overconfident() -> None:
    narrow = [estimate(means(clustered(seed)), alone(200), ratio) for seed in range(100)]
    covered = np.mean([e.low is not None and e.high is not None and e.low <= 0 <= e.high for e in narrow])
    assert covered < 0.8


@pytest.mark.parametrize("right", [0, 1, 7, 20, 39, 40])
def test_a_share_of_independent_items_has_the_exact_binomial_interval(right: int) -> None:
    found = of_share(np.array([1.0] * right + [0.0] * (40 - right)), alone(40))
    expected = stats.binomtest(right, 40).proportion_ci(method="exact")
    assert found == pytest.approx((expected.low, expected.high))


def test_bounds_of_a_share_rise_with_the_number_of_right_items() -> None:
    for step, groups in ((1, alone(40)), (4, [str(i // 4) for i in range(40)])):
        bounds = [of_share(np.array([1.0] * right + [0.0] * (40 - right)), groups) for right in range(0, 41, step)]
        for ends in zip(*bounds, strict=True):
            rising = [end for end in ends if end is not None]
            assert len(rising) == len(bounds) and rising == sorted(rising)


def test_items_that_fail_together_are_worth_fewer() -> None:
    together, apart = np.repeat([0.0, 1.0] * 5, 10), np.tile([0.0, 1.0], 50)
    groups = [str(i // 10) for i in range(100)]
    wide, narrow = (np.subtract(*reversed(of_share(scores, groups))) for scores in (together, apart))  # type: ignore[arg-type]
    assert wide > 2.5 * narrow
    low, high = of_share(np.zeros(100), groups)
    assert low == 0 and high is not None and high > 2 * stats.binomtest(0, 100).proportion_ci(method="exact").high


def test_scores_in_part_vary_less_than_right_and_wrong_and_the_interval_stays_within_0_and_1() -> None:
    whole = of_share(np.array([0.0, 1.0] * 20), alone(40))
    partly = of_share(np.array([0.45, 0.55] * 20), alone(40))
    assert whole[0] is not None and partly[0] is not None and partly[1] is not None
    assert whole[0] < 0.4 < partly[0] < 0.5 < partly[1]
    low, high = of_share(np.array([0.97, 1.0, 1.0, 1.0] * 5), alone(20))
    assert low is not None and high is not None and 0.7 < low < 0.9925 < high <= 1
    assert of_share(np.full(20, 0.5), alone(20))[0] is not None


def test_an_interval_stays_within_what_scores_can_be() -> None:
    nearly = np.stack([np.array([3.0, 4.0, 5.0, 5.0]), np.array([4.0, 4.0, 5.0, 5.0])], axis=1)
    found = estimate(nearly, alone(4), ratio)
    assert found.high is not None and found.high > 1 and found.within(0, 1) == Estimate(17 / 18, found.low, 1, 4)


def test_a_difference_stays_within_what_scores_can_differ_by() -> None:
    wrong, nearly_right = np.zeros(12), np.array([1.0] * 11 + [0.0])
    found = compare(means(wrong), means(nearly_right), alone(12), ratio)
    assert found.high is not None and found.high > 1
    assert found.within(0, 1) == replace(found, high=1.0) and found.within(0, math.inf) == found


def test_a_single_group_has_no_interval() -> None:
    found = estimate(means(np.array([0.2, 0.6])), ["a", "a"], ratio)
    assert found.value == pytest.approx(0.4)
    assert (found.low, found.high) == (None, None)


def test_a_loss_that_is_not_finite_has_no_interval_and_makes_no_other_model_better() -> None:
    infinite, plain = means(clustered(0) + 3), means(clustered(1) + 3)
    infinite[0, 0] = math.inf
    assert (estimate(infinite, GROUPS, ratio).low, compare(plain, infinite, GROUPS, ratio).low) == (None, None)
    for base, tuned, said in (
        (plain, infinite, "worse"),
        (infinite, plain, "no difference shown"),
        (infinite * math.nan, plain, "no difference shown"),
    ):
        found = compare(base, tuned, GROUPS, ratio)
        assert verdict(found, found.p, higher_is_better=False, matters=0.1) == said


def test_no_difference_is_rarely_called_one() -> None:
    p_values = [compare(means(clustered(s)), means(clustered(s + 1000)), GROUPS, ratio).p for s in range(60)]
    assert np.mean(np.array(p_values) < 0.05) <= 0.15


def test_a_difference_is_the_paired_t_test_over_groups_and_its_interval_agrees() -> None:
    base, tuned = clustered(0), clustered(0) + np.random.default_rng(5).normal(0.1, 0.3, 200)
    found = compare(means(base), means(tuned), GROUPS, ratio)
    differences = (tuned - base).reshape(40, 5).mean(axis=1)
    expected = stats.ttest_1samp(differences, 0)
    interval = expected.confidence_interval()
    assert found.p == pytest.approx(expected.pvalue) and found.groups == 40
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize("shift", np.linspace(0.03, 0.12, 7))
def test_interval_and_p_never_disagree(shift: float) -> None:
    noise = np.random.default_rng(2).normal(shift, 0.5, 200)
    found = compare(means(clustered(0)), means(clustered(0) + noise), GROUPS, ratio)
    assert found.low is not None and (found.p < 0.05) == (found.low > 0)


def test_a_difference_of_this_size_is_found_in_four_of_five_cases() -> None:
    generator = np.random.default_rng(3)
    base = clustered(0)
    noise = [generator.normal(0, 0.5, 200) for _ in range(200)]
    detectable = compare(means(base), means(base + noise[0]), GROUPS, ratio).detectable
    assert detectable is not None
    found = [compare(means(base), means(base + one + detectable), GROUPS, ratio).p < 0.05 for one in noise]
    assert 0.7 < np.mean(found) < 0.9


def test_identical_systems_have_p_one_and_no_interval_of_width_zero() -> None:
    base = means(clustered(0))
    found = compare(base, base, GROUPS, ratio)
    assert found.p == 1.0
    assert (found.low, found.high) == (None, None)


def test_a_score_of_which_nothing_varies_has_no_interval_of_width_zero() -> None:
    found = estimate(means(np.full(20, 3.0)), alone(20), ratio)  # a loss
    assert (found.value, found.low, found.high) == (3.0, None, None)


def test_few_groups_that_all_improve_prove_little() -> None:
    base, tuned = means(np.zeros(10)), means(np.ones(10))
    assert compare(base, tuned, ["a"] * 5 + ["b"] * 5, ratio).p == 0.5
    assert compare(base, tuned, alone(10), ratio).p == 2**-9


@pytest.mark.parametrize("groups", range(2, 12))
@pytest.mark.parametrize("sign", [1, -1])
def test_where_all_groups_differ_by_the_same_the_interval_has_a_width_and_agrees_with_p(groups: int, sign: int) -> None:
    base, tuned = means(np.full(groups, 0.5)), means(np.full(groups, 0.5 + sign * 0.5))
    found = compare(base, tuned, alone(groups), ratio)
    assert found.low is not None and found.high is not None and found.low < found.high
    assert (found.p < 0.05) == (not found.low <= 0 <= found.high)
    assert found.value == sign * 0.5 and found.value in (found.low, found.high)


def test_sums_in_another_order_are_no_difference() -> None:
    scores = np.array([0.1, 0.2, 0.3] * 4)
    found = compare(
        means(scores), means(scores.reshape(4, 3)[:, ::-1].ravel()), [str(i // 3) for i in range(12)], ratio
    )
    assert (found.value, found.p, found.detectable) == (0, 1, None)


@pytest.mark.parametrize("wanted", [0.02, 0.05])
def test_as_many_items_as_advised_find_the_difference_that_was_wanted(wanted: float) -> None:
    def detectable(n: int) -> float:
        generator = np.random.default_rng(n)
        base, tuned = (means((generator.random(n) < 0.5).astype(float)) for _ in range(2))
        return compare(base, tuned, alone(n), ratio).detectable or 0.0

    found = detectable(items_for(400, detectable(400), wanted))
    assert found == pytest.approx(wanted, rel=0.1)


def test_beside_the_edge_an_interval_narrows_with_the_items() -> None:
    low, _ = of_share(np.ones(40), alone(40))
    assert low is not None
    needed = items_for(40, 1 - low, 0.05, at_edge=True)
    reached, _ = of_share(np.ones(needed), alone(needed))
    assert reached == pytest.approx(0.95, abs=0.002)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@pytest.mark.parametrize(
    ("value", "half", "p", "higher", "expected"),
    [
        (0.2, 0.1, 0.01, True, "better"),
        (0.2, 0.1, 0.01, False, "worse"),
        (-0.2, 0.1, 0.01, True, "worse"),
        (0.2, 0.1, 0.05, True, "no difference shown"),
        (0.004, 0.003, 0.001, True, "equivalent"),
        (0.004, 0.015, 0.6, True, "equivalent"),
        (0.004, 0.016, 0.6, True, "no difference shown"),
    ],
)
def test_verdict(value: float, half: float, p: float, higher: bool, expected: str) -> None:
    difference = Difference(value, value - half, value + half, 100, 100, p, None)
    assert verdict(difference, p, higher_is_better=higher, matters=0.02) == expected
