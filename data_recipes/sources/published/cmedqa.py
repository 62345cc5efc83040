"""cMedQA2: questions of patients, answers of doctors, and candidates of a retrieval task, in files that are joined.

``question.csv`` (``question_id``, ``content``) and ``answer.csv`` (``ans_id``, ``question_id``, ``content``) hold the
texts; ``train_candidates.txt`` (``question_id``, ``pos_ans_id``, ``neg_ans_id``) and ``dev_`` and
``test_candidates.txt`` (``question_id``, ``ans_id``, a number and ``label``) say which question is in which split.
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Literal

from common.command import Config
from common.errors import UserError
from data_recipes.formats.jsonl import Line
from data_recipes.formats.tables import read_table
from data_recipes.leakage.normalise import says_something
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example, Message
from data_recipes.schema.manifest import Description
from data_recipes.sources.published.published_files import below
from data_recipes.sources.read_notes import ReadNotes
from data_recipes.sources.source import PUBLISHED, Source

QUESTIONS, ANSWERS = "question.csv", "answer.csv"
FILES = {
    QUESTIONS: (QUESTIONS, "questions.csv"),
    ANSWERS: (ANSWERS, "answers.csv"),
    "train": ("train_candidates.txt",),
    "dev": ("dev_candidates.txt",),
    "test": ("test_candidates.txt",),
}
CANDIDATES = ("train", "dev", "test")


class CmedqaSource(Config):
    """cMedQA2.

    Attributes:
        kind: Selects this source.
        path: The folder of its files; candidates of some splits may be missing.
        task: ``consultation``: each question and its answers. ``retrieval``: each question with a right answer and, as
            the worse one, an answer to another question.
    """

    kind: Literal["cmedqa"]
    path: str
    task: Literal["consultation", "retrieval"]


def read(config: CmedqaSource) -> Iterator[Example | Dropped | ReadNotes]:
    """Yields one item per answer (consultations), or one per candidate line and damaged row (retrieval).

    Raises:
        UserError: A file is missing, or has other columns.
    """
    found, notes = _files(config), ReadNotes()
    yield from _consultations(found, notes) if config.task == "consultation" else _pairs(found, notes)
    yield from notes.found()


def _consultations(found: dict[str, Path], notes: ReadNotes) -> Iterator[Example | Dropped]:
    questions: dict[str, str] = {}
    yield from _load(found[QUESTIONS], "question_id", questions, notes)
    splits: dict[str, str] = {}
    for split, path in _candidates(found).items():
        for row in _noted(read_table(path, ["question_id"]), ["question_id"], notes):
            if isinstance(row, Dropped):
                yield row
            else:
                splits.setdefault(row.row["question_id"], split)
    further: dict[str, list[str]] = {}
    first: dict[str, str] = {}
    for row in read_table(found[ANSWERS], ["ans_id", "question_id", "content"]):
        if isinstance(row, Line) and says_something(row.row["content"]):
            of = row.row["question_id"]
            if first.setdefault(of, row.row["ans_id"]) != row.row["ans_id"]:
                further.setdefault(of, []).append(row.row["content"])
    seen: set[str] = set()
    columns = ["ans_id", "question_id", "content"]
    for row in _noted(read_table(found[ANSWERS], columns), columns, notes):
        if isinstance(row, Dropped):
            yield row
            continue
        id, of, content = (row.row[name] for name in ("ans_id", "question_id", "content"))
        if not says_something(content):
            yield Dropped(row.where, "empty_answer")
        elif of not in questions:
            yield Dropped(row.where, "no_such_question")
        elif of not in splits:
            yield Dropped(f"cmedqa-{id}", "question_in_no_split")
        elif of in seen or first[of] != id:
            yield Dropped(f"cmedqa-{id}", "joined_answer")
        else:
            seen.add(of)
            yield _example(f"cmedqa-{of}", of, questions[of], content, splits[of], further.get(of, []))


def _pairs(found: dict[str, Path], notes: ReadNotes) -> Iterator[Example | Dropped]:
    questions: dict[str, str] = {}
    answers: dict[str, str] = {}
    yield from _load(found[QUESTIONS], "question_id", questions, notes)
    yield from _load(found[ANSWERS], "ans_id", answers, notes)
    for split, path in _candidates(found).items():
        columns = (
            ["question_id", "pos_ans_id", "neg_ans_id"] if split == "train" else ["question_id", "ans_id", "label"]
        )
        rows = _noted(read_table(path, columns), columns, notes)
        for item in _triples(rows) if split == "train" else _labelled(rows, split):
            if isinstance(item, Dropped):
                yield item
                continue
            where, number, of, right, wrong = item
            if of not in questions or right not in answers or wrong not in answers:
                yield Dropped(where, "no_such_question_or_answer")
            elif answers[right] == answers[wrong]:
                yield Dropped(f"cmedqa-{split}-{number}", "same_answers")
            else:
                example = _example(f"cmedqa-{split}-{number}", of, questions[of], answers[right], split, [])
                yield example.model_copy(update={"rejected": answers[wrong], "kind": "检索"})


def _noted(rows: Iterator[Line | Dropped], columns: list[str], notes: ReadNotes) -> Iterator[Line | Dropped]:
    for row in rows:
        notes.add(row, columns)
        yield row


Triple = tuple[str, int, str, str, str]  # file:line, number, question, right and wrong answer


def _triples(rows: Iterator[Line | Dropped]) -> Iterator[Triple | Dropped]:
    for row in rows:
        if isinstance(row, Dropped):
            yield row
        else:
            yield row.where, row.number, row.row["question_id"], row.row["pos_ans_id"], row.row["neg_ans_id"]


def _labelled(rows: Iterator[Line | Dropped], split: str) -> Iterator[Triple | Dropped]:
    """The first right and the first wrong candidate of each question, whose lines are adjacent."""
    for of, group in groupby(rows, key=lambda row: row.row["question_id"] if isinstance(row, Line) else ""):
        lines = list(group)
        first = {row.row["label"]: row for row in reversed(lines) if isinstance(row, Line)}
        for row in lines:
            if isinstance(row, Dropped):
                yield row
            elif row.row["label"] not in ("0", "1"):
                yield Dropped(row.where, "bad_label")
            elif not {"0", "1"} <= set(first):
                yield Dropped(f"cmedqa-{split}-{row.number}", "question_without_pair")
            elif row is first["1"]:
                yield row.where, row.number, of, row.row["ans_id"], first["0"].row["ans_id"]
            else:
                yield Dropped(f"cmedqa-{split}-{row.number}", "further_candidate")


def _example(id: str, of: str, question: str, answer: str, split: str, references: list[str]) -> Example:
    return Example(
        id=id,
        messages=(Message(role="user", content=question), Message(role="assistant", content=answer)),
        source="cmedqa",
        group=f"cmedqa-{of}",
        kind="问诊",
        split=split,
        references=tuple(dict.fromkeys(references)),
    )


def _load(path: Path, key: str, into: dict[str, str], notes: ReadNotes) -> Iterator[Dropped]:
    for row in _noted(read_table(path, [key, "content"]), [key, "content"], notes):
        if isinstance(row, Dropped):
            yield row
        elif not row.row[key] or not says_something(row.row["content"]):
            yield Dropped(row.where, "empty_text")
        elif into.setdefault(row.row[key], row.row["content"]) != row.row["content"]:
            yield Dropped(row.where, "id_used_twice")


def _candidates(found: dict[str, Path]) -> dict[str, Path]:
    return {split: path for split, path in found.items() if split in CANDIDATES}


def _files(config: CmedqaSource) -> dict[str, Path]:
    folder = Path(config.path).expanduser()
    there = {name: below(folder, names) for name, names in FILES.items()}
    found = {name: paths[0] for name, paths in there.items() if paths}
    lacking = next((name for name in (QUESTIONS, ANSWERS) if name not in found), "")
    if lacking or not _candidates(found):
        raise UserError(
            f"{lacking or FILES['train'][0]} is not in this folder",
            where=str(folder),
            fix="unpack the archives of cMedQA2 here",
        )
    return found


def files(config: CmedqaSource) -> list[Path]:
    """The files that are read."""
    return list(_files(config).values())


SOURCE = Source(
    config=CmedqaSource,
    read=read,
    files=files,
    about=Description(
        zh="cMedQA2：网上问诊的提问与医生回答；未经核对，仅限非商业研究。",
        en="cMedQA2: questions and doctors' answers of an online service, not checked; non-commercial research only.",
    ),
    licence="zhangsheng93/cMedQA2; licence file GPL-3, README: non-commercial research",
    splits=PUBLISHED,
    rows_of=lambda path: sum(1 for _ in read_table(path, [])),  # the candidates too, whatever their ending
)
