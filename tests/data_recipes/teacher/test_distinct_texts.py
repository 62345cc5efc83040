"""The index finds exactly what a comparison with every kept text finds."""

from random import Random

import pytest

from data_recipes.teacher.distinct_texts import DistinctTexts, rouge_l
from eval.judges.rouge_l_zh.judge import rouge_l as of_the_metric


@pytest.mark.parametrize(("distance", "kept"), [(29, True), (31, False)])
def test_a_near_copy_above_the_threshold_is_found_and_one_below_is_not(distance: int, kept: bool) -> None:
    texts = DistinctTexts(0.7)
    first = "".join(chr(0x4E00 + n) for n in range(100))
    second = first[:distance] + "".join(chr(0x6E00 + n) for n in range(100 - distance))
    third = "".join(chr(0x6E00 + n) for n in range(100 - distance))
    texts.add(second)
    same = third + "".join(chr(0x8E00 + n) for n in range(distance))
    assert rouge_l(second, same) == pytest.approx((100 - distance) / 100)
    assert (texts.resembles(same) is not None) == kept


def test_it_agrees_with_the_metric_and_with_comparing_all() -> None:
    rng = Random(3)
    texts = ["".join(rng.choices("甲乙丙丁戊己庚辛", k=rng.randint(3, 30))) for _ in range(300)]
    kept = DistinctTexts(0.7)
    for text in texts[:200]:
        kept.add(text)
    found = 0
    for text in texts[200:]:
        scores = [of_the_metric(other, text) for other in texts[:200]]
        assert (kept.resembles(text) is not None) == (max(scores) >= 0.7)
        assert scores == [rouge_l(other, text) for other in texts[:200]]
        found += max(scores) >= 0.7
    assert 0 < found < 100


def test_punctuation_and_width_do_not_make_a_text_new() -> None:
    kept = DistinctTexts(0.7)
    kept.add("用一句话概括新闻ABC。")
    assert kept.resembles("用一句话，概括新闻ＡＢＣ！") == 0
    assert kept.resembles("解下面的方程") is None and DistinctTexts(0.7).resembles("甲") is None
