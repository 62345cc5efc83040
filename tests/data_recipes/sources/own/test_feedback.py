"""Preference pairs from feedback: best against worst, ties dropped, every row accounted for."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from common.errors import UserError
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import NO_REFERENCE, Example
from data_recipes.sources.own.feedback import FeedbackSource, read
from tests.data_recipes.conftest import Made
from tests.data_recipes.samples import items_of, questions, write_jsonl


def items(tmp_path: Path, *rows: Any, gap: float = 1, unpaired: bool = False) -> list[Example | Dropped]:
    path = write_jsonl(tmp_path / "feedback.jsonl", list(rows))
    found = items_of(read(FeedbackSource(kind="feedback", path=str(path), min_gap=gap, unpaired=unpaired)))
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


ASKED, BETTER, WORSE = "头痛怎么办？", "先休息。", "喝酒。"


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


@pytest.mark.parametrize(
    "row",
    [
        {
            "prompt": [turn("user", ASKED)],
            "chosen": [turn("assistant", BETTER)],
            "rejected": [turn("assistant", WORSE)],
        },
        {
            "chosen": [turn("user", ASKED), turn("assistant", BETTER)],
            "rejected": [turn("user", ASKED), turn("assistant", WORSE)],
        },
        {"instruction": ASKED, "input": "", "chosen": BETTER, "rejected": WORSE},
        {
            "conversations": [{"from": "human", "value": ASKED}],
            "chosen": {"from": "gpt", "value": BETTER},
            "rejected": {"from": "gpt", "value": WORSE},
        },
        {"system": "", "history": [], "question": ASKED, "response_chosen": BETTER, "response_rejected": WORSE},
    ],
    ids=["TRL", "TRL without prompt", "LLaMA-Factory", "ShareGPT", "MedicalGPT"],
)
def test_pairs_of_other_tools_are_read(tmp_path: Path, row: dict[str, Any]) -> None:
    [pair] = items(tmp_path, row)
    assert isinstance(pair, Example)
    assert ([(m.role, m.content) for m in pair.prompt], pair.answer, pair.rejected) == (
        [("user", ASKED)],
        BETTER,
        WORSE,
    )


def test_labels_make_pairs(tmp_path: Path) -> None:
    rows: list[Any] = [
        {"prompt": ASKED, "completion": BETTER, "label": True},
        {"messages": [turn("user", ASKED), turn("assistant", WORSE)], "label": "False"},
    ]
    pair, worse = items(tmp_path, *rows)
    assert isinstance(pair, Example) and (pair.answer, pair.rejected) == (BETTER, WORSE)
    assert isinstance(worse, Dropped) and worse.reason == "the_worse_answer"


def test_answers_to_different_prompts_and_prompts_with_pictures_are_no_pairs(tmp_path: Path) -> None:
    other = {
        "chosen": [turn("user", ASKED), turn("assistant", BETTER)],
        "rejected": [turn("user", "咳嗽？"), turn("assistant", WORSE)],
    }
    picture = {"prompt": ASKED, "images": ["a.png"], "chosen": BETTER, "rejected": WORSE}
    assert [item.reason for item in items(tmp_path, other, picture) if isinstance(item, Dropped)] == [
        "different_prompts",
        "has_media",
    ]


def record(number: int, about: str, *, kind: str = "correction", role: str = "doctor", **text: Any) -> dict[str, Any]:
    """A line of a service's records as ``app/audit`` writes them, without hashes."""
    said = {"text": {"text": "", "contact": "", **text}} if text else {}
    head = {"format": 1, "number": number, "record": "feedback", "feedback_id": f"f{number}", "role": role}
    return {**head, "kind": kind, "about": about, **said}


def test_corrections_in_a_services_records_become_pairs_and_every_record_is_accounted_for(tmp_path: Path) -> None:
    earlier = [turn("user", "你好"), turn("assistant", "您好。")]
    answered = {"format": 1, "number": 1, "record": "answer", "request_id": "r-1", "citations": ["D001"]}
    first = [
        answered,
        record(2, "r-1", question=ASKED, answer=WORSE, corrected="多喝水。"),
        record(3, "r-2", question=ASKED, history=earlier, answer="", corrected=BETTER),
    ]
    second = [
        record(4, "r-1", question=ASKED, answer=WORSE, corrected=BETTER),
        record(5, "r-3", kind="complaint", text="太慢"),
        record(6, "r-4", role="patient", question=ASKED, answer=WORSE, corrected="我说的对。"),
        record(7, "r-5"),
        record(8, "r-6", text="漏了一条"),
        record(9, "r-7", question=ASKED, answer=BETTER, corrected=BETTER),
    ]
    write_jsonl(tmp_path / "audit-2026-01-01.jsonl", first)
    write_jsonl(tmp_path / "audit-2026-01-02.jsonl", second)
    found = items_of(read(FeedbackSource(kind="feedback", path=str(tmp_path), min_gap=1)))
    assert {item.id: item.reason for item in found if isinstance(item, Dropped)} == {
        "record-1": "no_correction", "record-2": "corrected_again", "record-5": "no_correction",
        "record-6": "not_by_a_doctor", "record-7": "text_deleted", "record-8": "no_corrected_answer",
        "record-9": "same_answers",
    }  # fmt: skip
    one, other = sorted((item for item in found if isinstance(item, Example)), key=lambda example: example.id)
    assert ([m.content for m in one.prompt], one.answer, one.rejected) == (["你好", "您好。", ASKED], BETTER, "")
    assert ([m.content for m in other.prompt], other.answer, other.rejected) == ([ASKED], BETTER, WORSE)
    single = items_of(read(FeedbackSource(kind="feedback", path=str(tmp_path / "audit-2026-01-01.jsonl"), min_gap=1)))
    assert len(single) == 3


def test_tables_are_read_and_columns_mapped(tmp_path: Path) -> None:
    pairs, judged_rows, parquet = tmp_path / "pairs.csv", tmp_path / "judged.csv", tmp_path / "pairs.parquet"
    pairs.write_text(f"提出,chosen,rejected\n{ASKED},{BETTER},{WORSE}\n", encoding="utf-8")
    judged_rows.write_text(f"提出,答,rating\n{ASKED},{BETTER},5\n{ASKED},{WORSE},2.5\n", encoding="utf-8")
    turns = {"prompt": [[turn("user", ASKED)]], "chosen": [[turn("assistant", BETTER)]], "rejected": [WORSE]}
    pq.write_table(pa.table(turns), parquet)
    columns = {"question": "提出", "answer": "答"}
    for path, mapped in ((pairs, columns), (judged_rows, columns), (parquet, {})):
        config = FeedbackSource.model_validate({"kind": "feedback", "path": str(path), "min_gap": 1, "columns": mapped})
        [pair] = [item for item in items_of(read(config)) if isinstance(item, Example)]
        assert (pair.messages[0].content, pair.answer, pair.rejected) == (ASKED, BETTER, WORSE)
    with pytest.raises(ValidationError, match="rows of one prompt are a group"):
        FeedbackSource.model_validate({"kind": "feedback", "path": "x", "min_gap": 1, "columns": {"group": "病人"}})


def test_a_missing_judgement_says_what_is_there_and_what_is_expected(tmp_path: Path) -> None:
    [row] = items(tmp_path, judged(ASKED, BETTER, score=4))
    assert isinstance(row, Dropped) and row.reason == "no_judgement"
    assert "among prompt, answer, score" in row.detail and "rating" in row.detail and "chosen" in row.detail


@pytest.mark.parametrize(("label", "is_good"), [("True", True), ("false", False), (1, True), (0, False), ("0", False)])
def test_labels_are_read_however_they_are_written(label: Any, is_good: bool, tmp_path: Path) -> None:
    [row] = items(tmp_path, judged(ASKED, BETTER, label=label), unpaired=True)
    assert isinstance(row, Example) and row.has_reference == is_good


def test_a_folder_without_records_is_refused(made: Made, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there are no records here"):
        made("none", "data=feedback", f"source.path={tmp_path}")


def test_unpaired_answers_count_alone(tmp_path: Path) -> None:
    found = items(
        tmp_path,
        judged(ASKED, BETTER, thumbs="up"),
        judged(ASKED, WORSE, thumbs="down"),
        {"prompt": [turn("user", ASKED)], "completion": [turn("assistant", WORSE)], "label": False},
        {"messages": [turn("user", ASKED), turn("assistant", BETTER)], "kto_tag": True},
        {"prompt": ASKED, "chosen": BETTER, "rejected": WORSE},
        judged(ASKED, BETTER, rating=5),
        unpaired=True,
    )
    kept = [(one.answer, one.rejected) for one in found if isinstance(one, Example)]
    assert kept == [(BETTER, ""), (NO_REFERENCE, WORSE), (NO_REFERENCE, WORSE), (BETTER, ""), (BETTER, WORSE)]
    assert [one.reason for one in found if isinstance(one, Dropped)] == ["no_judgement"]


def test_a_dataset_of_unpaired_answers_keeps_the_bad_ones_as_they_are(made: Made, tmp_path: Path) -> None:
    rows = [judged(q, f"{q}{n}", thumbs="up" if n else "down") for q in questions()[:24] for n in (0, 1)]
    source = write_jsonl(tmp_path / "feedback.jsonl", rows)
    words = (f"source.path={source}", "source.unpaired=true", "data.splits={dev: 4, test: 4}")
    built = made("labelled", "data=feedback", *words)
    kept = [example for split in built.splits.values() for example in split]
    assert built.manifest.counts.dropped == {} and len(kept) == len(rows)
    assert sum(example.has_reference for example in kept) == sum(bool(example.rejected) for example in kept) == 24
    groups = [{example.group for example in split} for split in built.splits.values()]
    assert not groups[0] & groups[1] and not groups[0] & groups[2]
