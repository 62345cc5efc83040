"""SubjQA: annotations joined into questions, the marker removed, indices trusted, nothing lost, splits by review."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from common.errors import UserError
from data_recipes.pipeline.build import load
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.sources.published.subjqa import COLUMNS, MARKER, NOT_MENTIONED, SubjqaSource, read
from tests.data_recipes.conftest import Run
from tests.data_recipes.samples import FIXTURES, items_of
from tests.data_recipes.subjqa_samples import Row, many, marked, write

FIXTURE = FIXTURES / "subjqa"


def read_folder(folder: Path, **keys: object) -> list[Example | Dropped]:
    return items_of(read(SubjqaSource(kind="subjqa", path=str(folder), domains=("electronics",), **keys)))


def read_rows(rows: list[Row], folder: Path) -> list[Example | Dropped]:
    write(rows, folder / "electronics/splits/train.csv")
    return read_folder(folder)


def asked(items: list[Example | Dropped]) -> dict[str, Example]:
    return {item.passage.question: item for item in items if isinstance(item, Example) and item.passage}


def answers(example: Example) -> list[str]:
    assert example.passage
    return [example.passage.context[start:end] for start, end in example.passage.spans]


def test_annotations_of_all_files_are_joined_and_every_row_is_accounted_for() -> None:
    items = read_folder(FIXTURE)
    reasons = Counter(item.reason for item in items if isinstance(item, Dropped))
    assert len(items) == 8 and len(asked(items)) == 4
    assert reasons == {"joined_annotation": 3, "contradictory_annotation": 1}
    assert len({item.id for item in items}) == 8


def test_both_annotators_are_references_and_an_answer_comes_before_no_answer() -> None:
    sound = asked(read_folder(FIXTURE))["How is the sound?"]
    assert (sound.answer, sound.references, sound.behaviour) == ("it doesn't crackle", (NOT_MENTIONED,), "answer")
    price = asked(read_folder(FIXTURE))["How is the price?"]
    assert (price.answer, price.references, price.behaviour) == (NOT_MENTIONED, (), "refuse")


def test_indices_count_and_not_the_retold_text_and_outer_space_is_trimmed() -> None:
    found = asked(read_folder(FIXTURE))
    assert answers(found["How is the sound?"]) == ["it doesn't crackle"]
    assert answers(found["How is the bass?"]) == ["The bass, which I like, is deep."]


def test_the_marker_is_gone_and_an_answer_that_runs_into_it_ends_with_its_text() -> None:
    items = read_folder(FIXTURE)
    assert answers(asked(items)["How is the battery?"]) == ["battery lifespan"]
    assert not [item for item in items if MARKER in str(item)]


def test_subjectivity_is_the_mean_level_of_the_annotators(tmp_path: Path) -> None:
    assert {e.kind for e in asked(read_folder(FIXTURE)).values()} == {"subjective", "objective"}
    one = marked("q", "How?", "It is fine.", "fine", level=5)
    assert asked(read_rows([one, one._replace(level=2)], tmp_path))["How?"].kind == "subjective"


def test_two_reviews_under_one_question_are_not_joined(tmp_path: Path) -> None:
    one = marked("q", "How?", "It is fine.", "fine")
    items = read_rows([one, marked("q", "How?", "It is bad.", "bad")], tmp_path)
    assert [item.reason for item in items if isinstance(item, Dropped)] == ["other_review"]


def test_long_reviews_leave_where_the_recipe_says_so() -> None:
    reasons = [item.reason for item in read_folder(FIXTURE, max_characters=70) if isinstance(item, Dropped)]
    assert reasons.count("long_review") == 2  # sound and bass; the other review is shorter


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"review": "It is fine."}, "review_cut"),
        ({"end": 400}, "bad_span"),
        ({"start": 9, "end": 9}, "bad_span"),
        ({"level": 6}, "bad_level"),
        ({"question": ""}, "empty_field"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    good = marked("q1", "How?", "It is fine.", "fine")
    bad = marked("q2", "Why?", "It is fine.", "fine")._replace(**change)  # type: ignore[arg-type]
    assert Dropped("train.csv:3", reason) in read_rows([good, bad], tmp_path)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda raw: raw[:-30], "not_csv"),
        (lambda raw: raw.replace(b"fine", b"f\0ne"), "nul_bytes"),
        (lambda raw: raw.replace(b"fine", "fäne".encode("latin-1")), "not_utf8"),
        (lambda raw: raw.replace(b"x,x,x", b"x,x", 1), "wrong_number_of_fields"),
    ],
    ids=["cut", "nul", "encoding", "fields"],
)
def test_a_damaged_file_names_the_line(tmp_path: Path, damage: object, reason: str) -> None:
    path = write([marked("q1", "How?", "It is fine.\nReally.", "fine")], tmp_path / "electronics/splits/train.csv")
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    assert Dropped("train.csv:2", reason) in read_folder(tmp_path)


def test_missing_columns_and_missing_files_stop_with_the_place(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no electronics/splits/\*\.csv here"):
        read_folder(tmp_path)
    write(many(3), tmp_path / "electronics/splits/train.csv", columns=COLUMNS[:-1])
    with pytest.raises(UserError, match=r"train\.csv:1: no column human_ans_indices"):
        read_folder(tmp_path)


def test_build_draws_splits_by_review_and_questions_that_many_reviews_share_stay(build: Run, tmp_path: Path) -> None:
    write(many(60), tmp_path / "electronics/splits/train.csv")
    sizes = ("data.splits.dev=10", "data.splits.test=20")
    assert build("data=subjqa", f"source.path={tmp_path}", f"out={tmp_path / 'out'}", *sizes) == 0
    dataset = load(tmp_path / "out")
    groups = {name: {example.group for example in split} for name, split in dataset.splits.items()}
    assert not groups["train"] & (groups["dev"] | groups["test"]) and not groups["dev"] & groups["test"]
    counts = dataset.manifest.counts
    assert counts.read == 120 and counts.dropped["joined_annotation"] == 60
    assert counts.kept >= 50  # whole questions recur; only reviews that are alike may leave


@pytest.mark.slow  # a whole real file
@pytest.mark.parametrize(("domain", "rows", "kept"), [("electronics", 3324, 1659), ("tripadvisor", 3434, 1685)])
def test_real_files(build: Run, shared: Path, tmp_path: Path, domain: str, rows: int, kept: int) -> None:
    words = (f"source.path={shared / 'data/subjqa'}", f"source.domains=[{domain}]", f"out={tmp_path / 'out'}")
    assert build("data=subjqa", *words) == 0
    dataset = load(tmp_path / "out")
    assert (dataset.manifest.counts.read, dataset.manifest.counts.kept) == (rows, kept)
    assert [(o.exact, o.ngram) for o in dataset.manifest.overlap.values()] == [(0, 0), (0, 0)]
    passages = [e.passage for split in dataset.splits.values() for e in split if e.passage]
    assert not [p for p in passages if MARKER in p.context]
    found = {(p.context, p.question, p.context[start:end]) for p in passages for start, end in p.spans}
    told = set()
    with (shared / f"data/subjqa/{domain}/splits/train.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            start, end = map(int, row["human_ans_indices"].strip("()").split(","))
            if MARKER not in row["human_ans_spans"]:
                context = row["review"].removesuffix(MARKER).rstrip()
                told.add((context, row["question"], row["review"][start:end].strip()))
    assert told <= found  # whatever an annotator of the published train marked is a reference
