"""Calibration of options: the error, the reliability diagram, and the accuracy of the surest answers."""

import math
from random import Random

import numpy as np
import pytest

from data_recipes.schema.example import Example
from eval.answers import ModelAnswer
from eval.calibration import calibration
from eval.judges import JUDGES
from eval.judges.calibration.judge import confidence
from eval.report.plots import reliability_plot
from eval.scoring import measure
from eval.significance import compare, estimate
from tests.eval.conftest import example

ERROR = JUDGES["choice_calibration_error"]


def answered(number: int, seed: int, *, honest: bool = True) -> tuple[list[Example], list[ModelAnswer]]:
    """Answers whose chosen option is right as often as its probability says, or in half of the cases."""
    random, items, answers = Random(seed), [], []
    for n in range(number):
        weights = np.array([random.random() ** 3 + 0.01 for _ in "ABCD"])
        shares = weights / weights.sum()
        chosen = "ABCD"[int(shares.argmax())]
        right = random.random() < (shares.max() if honest else 0.5)
        result = chosen if right else next(letter for letter in "ABCD" if letter != chosen)
        items.append(example(f"c{n}-0", f"第{n}题", result, result=result, choices=("甲", "乙", "丙", "丁")))
        options = dict(zip("ABCD", np.log(weights).tolist(), strict=True))  # no probabilities: only their ratios count
        answers.append(ModelAnswer(kind="options", text=chosen, options=options))
    return items, answers


def by_hand(items: list[Example], answers: list[ModelAnswer]) -> float:
    """The error by numpy's bins, instead of sums."""
    shares = np.array([max(np.exp(list(a.options.values())) / np.exp(list(a.options.values())).sum()) for a in answers])
    right = np.array([a.text == item.result for a, item in zip(answers, items, strict=True)], float)
    place = np.digitize(shares, np.arange(0.1, 1.0, 0.1))
    bins = [place == one for one in np.unique(place)]
    return float(sum(one.mean() * abs(right[one].mean() - shares[one].mean()) for one in bins))


@pytest.mark.parametrize("honest", [True, False])
def test_the_error_is_that_of_its_definition(honest: bool) -> None:
    items, answers = answered(300, 1, honest=honest)
    found = measure(items, answers)["choice_calibration_error"]
    score = estimate(found.statistics, [item.group for item in items], ERROR.aggregate)
    assert score.value == pytest.approx(by_hand(items, answers), abs=1e-12)
    assert score.low is not None and score.high is not None and score.low < score.value < score.high


def test_who_is_right_as_often_as_it_is_sure_has_a_small_error() -> None:
    items, honest = answered(800, 2)
    _, other = answered(800, 2, honest=False)
    errors = [by_hand(*answered(800, 2, honest=kind)) for kind in (True, False)]
    assert errors[0] < 0.05 < 0.1 < errors[1]
    found = [measure(items, one)["choice_calibration_error"].statistics for one in (honest, other)]
    assert compare(*found, [item.group for item in items], ERROR.aggregate).n == 800


def test_confidence_is_the_share_of_the_likeliest_option() -> None:
    assert confidence({"A": -1.0, "B": -1.0}) == pytest.approx(0.5)
    assert confidence({"A": -700.0, "B": -math.inf, "C": -math.inf}) == 1


def test_the_surest_answers_of_an_honest_model_are_right_more_often() -> None:
    items, answers = answered(1000, 3)
    found = calibration(items, answers)
    assert found is not None
    shares = [point.right.value for point in found.selective]
    assert shares == sorted(shares, reverse=True) and shares[0] > shares[-1] + 0.15
    assert [point.coverage for point in found.selective] == [0.25, 0.5, 0.75, 0.9, 1.0]
    assert sum(one.right.n for one in found.bins) == 1000
    assert all(abs(one.confidence - one.right.value) < 0.1 for one in found.bins if one.right.n > 100)
    plot = reliability_plot(found.bins, "colour-1", "x<y")
    assert plot.count("<circle") == len(found.bins) and "x&lt;y" in plot


def test_of_equally_sure_answers_all_are_kept() -> None:
    items, answers = answered(10, 4)
    same = [one.model_copy(update={"options": {"A": 0.0, "B": -1.0}}) for one in answers]
    found = calibration(items, same)
    assert found is not None and {point.coverage for point in found.selective} == {1.0}


def test_answers_without_numbers_have_no_calibration() -> None:
    items, _ = answered(3, 5)
    assert calibration(items, [ModelAnswer(text="A")] * 3) is None
    lost = [ModelAnswer(kind="options", text="", finish_reason="too_long")] * 3
    assert calibration(items, lost) is None and "choice_calibration_error" not in measure(items, lost)
