"""Preference pairs from feedback: best against worst, ties dropped, every row accounted for."""

from pathlib import Path
from typing import Any

from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.sources.own.feedback import FeedbackSource, read
from tests.data_recipes.conftest import Made
from tests.data_recipes.samples import questions, write_jsonl


def items(tmp_path: Path, *rows: Any, gap: float = 1) -> list[Example | Dropped]:
    path = write_jsonl(tmp_path / "feedback.jsonl", list(rows))
    found = list(read(FeedbackSource(kind="feedback", path=str(path), min_gap=gap)))
    assert len(found) == len(rows)
    return found


def judged(prompt: str, answer: str, **judgement: Any) -> dict[str, Any]:
    return {"prompt": prompt, "answer": answer, **judgement}


def test_pairs_are_taken_as_they_are(tmp_path: Path) -> None:
    turns = [
        {"role": "user", "content": "问"},
        {"role": "assistant", "content": "答"},
        {"role": "user", "content": "再问"},
    ]
    [pair] = items(tmp_path, {"prompt": turns, "chosen": "好", "rejected": "差"})
    assert isinstance(pair, Example)
    assert (pair.answer, pair.rejected, len(pair.messages)) == ("好", "差", 4)


def test_the_best_and_the_worst_rating_of_a_prompt_become_a_pair(tmp_path: Path) -> None:
    found = items(tmp_path, *(judged("头痛？", f"答{n}", rating=n) for n in (2, 5, 1, 3)))
    [pair] = [item for item in found if isinstance(item, Example)]
    assert (pair.id, pair.answer, pair.rejected) == ("feedback-2", "答5", "答1")
    reasons = {item.id: item.reason for item in found if isinstance(item, Dropped)}
    between = "between_best_and_worst"
    assert reasons == {"feedback-1": between, "feedback-3": "the_worse_answer", "feedback-4": between}


def test_thumbs_make_pairs_and_ties_are_dropped(tmp_path: Path) -> None:
    found = items(
        tmp_path,
        judged("甲？", "好", thumbs="up"), judged("甲？", "差", thumbs="down"),
        judged("乙？", "一", thumbs="up"), judged("乙？", "二", thumbs="up"),
        judged("丙？", "一", thumbs="down"),
    )  # fmt: skip
    reasons = [item.reason for item in found if isinstance(item, Dropped)]
    assert reasons == ["the_worse_answer", "tie", "tie", "only_answer"]


def test_ratings_that_are_too_close_are_a_tie(tmp_path: Path) -> None:
    rows = [judged("甲？", "好", rating=4), judged("甲？", "差", rating=3)]
    assert any(isinstance(item, Example) for item in items(tmp_path, *rows))
    assert not any(isinstance(item, Example) for item in items(tmp_path, *rows, gap=2))


def test_damaged_rows_are_named_by_their_line(tmp_path: Path) -> None:
    bad = [
        {"prompt": "", "chosen": "好", "rejected": "差"},
        {"prompt": "甲？", "chosen": "好", "rejected": " "},
        {"prompt": "甲？", "answer": "好"},
        {"prompt": "甲？", "answer": "好", "rating": float("nan")},
        {"prompt": "甲？", "answer": "好", "rating": True},
        {"prompt": [{"role": "assistant", "content": "好"}], "answer": "好", "rating": 1},
        {"answer": "好", "rating": 1},
        {"prompt": "甲？", "chosen": "好。", "rejected": "好"},
    ]
    found = items(tmp_path, *bad)
    assert [item.reason for item in found if isinstance(item, Dropped)] == [
        "bad_prompt", "no_text_in_rejected", "no_judgement", "no_judgement", "no_judgement", "bad_prompt", "no_prompt",
        "same_answers",
    ]  # fmt: skip
    assert [item.bad for item in found if isinstance(item, Dropped)] == [True] * 7 + [False]


def test_a_dataset_of_pairs_keeps_one_prompt_on_one_side(made: Made, tmp_path: Path) -> None:
    rows = [
        {"prompt": q, "chosen": f"{q}先休息。", "rejected": f"{q}{n}"} for q in questions() for n in ("随便", "不知")
    ]
    source = write_jsonl(tmp_path / "feedback.jsonl", rows)
    built = made("pairs", "data=feedback", f"source.path={source}", "data.splits={dev: 8, test: 8}")
    assert all(example.rejected for split in built.splits.values() for example in split)
    groups = [{example.group for example in split} for split in built.splits.values()]
    assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]
