"""The classifier of texts: what it learns, what it ignores, and that a saved one judges the same."""

import time
from pathlib import Path

import numpy as np
import pytest

from common.ngram_classifier import NgramClassifier, buckets, out_of_fold, train

STOPS = ["这药可以直接停掉", "明天起就不用吃药了", "药停了就行", "自己把药停了吧", "不用再吃药了", "马上停药没事"]
KEEPS = ["这药要按医嘱吃", "明天起继续按时吃药", "药不能停", "自己不要停药", "还要再吃三个月", "停药要问医生"]
TEXTS, LABELS = [*STOPS, *KEEPS], [True] * 6 + [False] * 6


@pytest.fixture(scope="module")
def model() -> NgramClassifier:
    return train(TEXTS, LABELS)


def test_it_tells_the_classes_apart_and_judges_texts_that_it_has_not_seen(model: NgramClassifier) -> None:
    assert [model.probability(text) > 0.5 for text in TEXTS] == LABELS
    assert model.probability("降压药可以直接停掉就行") > 0.5 > model.probability("降压药不能停，要按医嘱")


def test_a_saved_model_judges_the_same_and_its_bytes_depend_on_nothing_else(
    model: NgramClassifier, tmp_path: Path
) -> None:
    model.save(tmp_path / "one")
    train(TEXTS, LABELS).save(tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    loaded = NgramClassifier.load(tmp_path / "one")
    assert [loaded.probability(text) for text in TEXTS] == [model.probability(text) for text in TEXTS]


def test_width_case_spaces_and_values_make_no_difference_but_signs_do() -> None:
    assert np.array_equal(buckets("一次吃 5 片 VC，"), buckets("一次吃12.5片ｖｃ,"))
    assert not np.array_equal(buckets("不用去医院？"), buckets("不用去医院。"))


@pytest.mark.parametrize("text", ["", "🙂", "a", "\ud800", "\n" * 9])
def test_any_text_has_a_probability(model: NgramClassifier, text: str) -> None:
    assert 0 < model.probability(text) < 1


def test_a_kind_is_judged_by_a_model_that_saw_none_of_it() -> None:
    texts, kinds = [*TEXTS, *["甲乙丙丁"] * 6], [*["drug"] * 12, *["odd"] * 6]
    found = out_of_fold(texts, [*LABELS, *[True] * 6], kinds, folds=2)
    assert found[12:] == pytest.approx([found[12]] * 6)
    assert abs(found[12] - 0.5) < 0.2  # the other fold has no such runs, and as many of both classes


def test_a_text_is_judged_in_linear_time(model: NgramClassifier) -> None:
    text = "血压正常以后是不是可以停药，要问给您看病的医生。" * 4000
    started = time.perf_counter()
    model.probability(text)
    assert time.perf_counter() - started < len(text) / 100 * 1e-3
