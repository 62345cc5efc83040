"""Reviews in SubjQA's layout, written for the tests."""

import csv
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from data_recipes.sources.published.subjqa import MARKER

COLUMNS = [
    *("item_id", "domain", "nn_mod", "nn_asp", "query_mod", "query_asp", "q_review_id", "q_reviews_id", "question"),
    *("question_subj_level", "ques_subj_score", "is_ques_subjective", "review_id", "review", "human_ans_spans"),
    *("human_ans_indices", "answer_subj_level", "ans_subj_score", "is_ans_subjective"),
]


class Row(NamedTuple):
    """One annotation: ``text`` is what was marked (the marker for "no answer"), ``start`` and ``end`` where."""

    key: str
    question: str
    review_id: str
    review: str
    text: str
    start: int
    end: int
    level: int = 1


def marked(key: str, question: str, review: str, text: str, *, review_id: str = "", level: int = 1) -> Row:
    """An annotation that marks a text at its place in the review; the marker is added to the review."""
    whole = f"{review} {MARKER}"
    start = whole.index(text)
    return Row(key, question, review_id or f"r-{key}", whole, text, start, start + len(text), level)


def write(rows: Sequence[Row], path: Path, *, encoding: str = "utf-8", columns: Sequence[str] = COLUMNS) -> Path:
    """Writes rows as one of the files of a domain; columns that do not matter are filled."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        for row in rows:
            values = dict.fromkeys(COLUMNS, "x") | {
                "q_review_id": row.key,
                "question": row.question,
                "question_subj_level": str(row.level),
                "is_ques_subjective": "False",
                "review_id": row.review_id,
                "review": row.review,
                "human_ans_spans": row.text,
                "human_ans_indices": f"({row.start}, {row.end})",
                "answer_subj_level": "1",
            }
            writer.writerow(values)
    return path


PARTS = ("sound", "screen", "battery", "case", "price", "camera", "cable", "remote", "strap", "charger")
VERDICTS = ("is really great", "is not good at all", "lasts a long time", "feels cheap", "works as it should")
WORDS = (
    "sister office spring parcel rainy Tuesday week model trip coast opinion night present colleague month shelf "
    "garden neighbour kitchen bus winter holiday doctor letter river market window uncle school summer bridge "
    "morning teacher village dinner ticket island coffee corner engine forest guitar hammer jacket ladder mirror "
    "needle orange pencil "
)


def many(count: int) -> list[Row]:
    """Annotations of ``count`` questions, two each; a third of the reviews do not say. No two reviews are alike."""
    rows = []
    for i in range(count):
        part, verdict = PARTS[i % len(PARTS)], VERDICTS[i // 3 % len(VERDICTS)]
        told = f"The {part if i % 3 else PARTS[(i + 3) % len(PARTS)]} {verdict}"
        before, after = (
            " and ".join(Random(f"{i} {side}").sample(sorted(WORDS.split()), 7)) for side in ("before", "after")
        )
        review = f"There was {before}. {told}. There was {after}."
        answer = told if i % 3 else MARKER
        rows += [marked(f"q{i}", f"How is the {part}?", review, answer, review_id=f"r{i}")] * 2
    return rows
