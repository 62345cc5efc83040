"""The judge of loops, and the watch on tokens in front of it."""

import time

import pytest

from benchmarks.loops import labelled, measured, wilson
from models.engines.engine import RepetitionDetection
from models.engines.repetition import RepetitionWatch
from models.loops import find_loop


@pytest.mark.parametrize("half", ["dev", "test"])
def test_precision_and_recall_on_the_labelled_answers(half: str) -> None:
    answers = [answer for answer in labelled() if answer.half == half]
    found = [find_loop(answer.text) is not None for answer in answers]
    hits = sum(f and a.loops for f, a in zip(found, answers, strict=True))
    assert hits / sum(found) >= 0.99
    assert hits / sum(a.loops for a in answers) >= 0.95


def test_the_set_is_large_enough_and_says_so() -> None:
    answers = labelled()
    assert sum(a.loops for a in answers) >= 150 and sum(not a.loops for a in answers) >= 150
    assert len({a.text for a in answers}) == len(answers)
    assert any(line.startswith("precision") for line in measured(answers[:30]))


def test_wilson_interval_of_a_textbook_case() -> None:
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)  # Newcombe 1998, method 3


def test_what_is_kept_is_the_first_copy() -> None:
    text = "治疗有：" + "手术治疗、" * 30 + "手"
    loop = find_loop(text)
    assert loop is not None
    assert (text[: loop.kept], loop.end) == ("治疗有：手术治疗、", len(text))


def test_of_clauses_that_are_always_the_same_the_first_of_each_is_kept() -> None:
    text = (
        "建议"
        + "多喝水，多休息，多休息，保暖好，" * 2
        + "多喝水，保暖好，多休息，多喝水，多休息，保暖好，多喝水，保暖好，" * 2
    )
    loop = find_loop(text)
    assert loop is not None
    assert text[: loop.kept] == "建议多喝水，多休息，"


def test_a_loop_followed_by_more_text_ends_where_it_ends() -> None:
    text = "请多喝水。" * 10 + "仍然发热就去医院。"
    loop = find_loop(text)
    assert loop is not None and text[loop.end :] == "仍然发热就去医院。"


@pytest.mark.parametrize("text", ["", " ", "。", "好", "好好", "1", "1" * 9])
def test_short_texts_do_not_loop(text: str) -> None:
    assert find_loop(text) is None


def test_numbers_that_carry_facts_are_not_counters() -> None:
    falling = "".join(f"第{week}周每日泼尼松{35 - 5 * week}毫克口服。" for week in range(1, 7))
    assert find_loop(falling) is None
    assert find_loop("".join(f"第{week}周每日泼尼松30毫克口服。" for week in range(1, 7))) is not None


def test_a_long_answer_is_judged_in_time() -> None:
    text = "".join(f"第{i}条内容各不相同{i * i % 97}。" for i in range(300))
    started = time.process_time()
    assert find_loop(text) is None
    assert time.process_time() - started < 2


def watched(text: str, detection: RepetitionDetection) -> int | None:
    """How many characters are said until the watch ends the row; None where it never does."""
    said = ""
    watch = RepetitionWatch(detection, lambda: said)
    for place, character in enumerate(text, 1):
        said = text[:place]
        if watch.loops(ord(character)):
            return place
    return None


def test_the_watch_ends_a_loop_soon_and_never_what_is_none() -> None:
    detection = RepetitionDetection(64, 1, 4)
    ended = {answer.text: watched(answer.text, detection) for answer in labelled() if answer.half == "dev"}
    assert [a.text for a in labelled() if a.half == "dev" and not a.loops and ended[a.text]] == []
    assert watched("肝癌：" + "手术治疗、" * 40, detection) == 3 + 5 * 5
    caught = [
        ended[a.text] for a in labelled() if a.half == "dev" and a.loops and a.kind in ("phrase", "sentence", "cut")
    ]
    assert sum(place is not None for place in caught) / len(caught) >= 0.9


def test_patterns_outside_the_sizes_are_not_read() -> None:
    text = "肝癌：" + "手术治疗、" * 40
    assert watched(text, RepetitionDetection(4, 1, 4)) is None
    assert watched(text, RepetitionDetection(64, 6, 4)) == 3 + 10 * 4  # two copies are one pattern of ten
