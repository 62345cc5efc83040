"""Answers weighed with each other: what needs two is learned, and what lies beyond training says nothing new."""

from pathlib import Path

import numpy as np
import pytest

from common.weighed_answers import WeighedAnswers, train

NUMBERS = np.random.default_rng(0)
ANSWERS = {name: NUMBERS.normal(0, 2, 400) for name in ("ill", "story")}
BOTH = (ANSWERS["ill"] > 0) & (ANSWERS["story"] < 0)
EITHER = [bool(one) for one in (ANSWERS["ill"] > 0) ^ (ANSWERS["story"] > 0)]


@pytest.fixture(scope="module")
def weighing() -> WeighedAnswers:
    return train(ANSWERS, {"either": EITHER, "both": [bool(one) for one in BOTH[:300]] + [None] * 100})


def test_what_no_sum_of_answers_says_is_learned(weighing: WeighedAnswers) -> None:
    odds = weighing.columns(ANSWERS)
    assert np.mean((odds["either"] > 0) == EITHER) > 0.9 and np.mean((odds["both"] > 0) == BOTH) > 0.9
    one, both = ({"ill": 2.0, "story": story} for story in (-2.0, 2.0))
    assert weighing.log_odds(one)["either"] > 0 > weighing.log_odds(both)["either"]


def test_a_question_without_labels_of_some_texts_is_not_learned_from_them() -> None:
    labels = [bool(one) for one in BOTH[:300]]
    unknown = train(ANSWERS, {"both": [*labels, *[None] * 100]})
    wrong = train(ANSWERS, {"both": [*labels, *(not one for one in BOTH[300:])]})
    assert unknown.log_odds({"ill": 3, "story": -3})["both"] > wrong.log_odds({"ill": 3, "story": -3})["both"]


def test_what_is_beyond_training_counts_as_its_edge_does(weighing: WeighedAnswers) -> None:
    far, further = ({"ill": times * 50.0, "story": times * -50.0} for times in (1, 100))
    assert weighing.log_odds(far) == weighing.log_odds(further)


def test_a_threshold_lowers_the_odds_by_itself(weighing: WeighedAnswers) -> None:
    lowered = weighing.less({"either": 2, "both": -1})
    before, after = (one.log_odds({"ill": 1, "story": 1}) for one in (weighing, lowered))
    assert after == pytest.approx({"either": before["either"] - 2, "both": before["both"] + 1})


def test_a_saved_one_says_the_same(weighing: WeighedAnswers, tmp_path: Path) -> None:
    weighing.save(tmp_path / "one")
    loaded = WeighedAnswers.load(tmp_path / "one")
    assert loaded.log_odds({"ill": 1.5, "story": 0.1}) == weighing.log_odds({"ill": 1.5, "story": 0.1})
    assert (loaded.inputs, loaded.outputs) == (("ill", "story"), ("either", "both"))
