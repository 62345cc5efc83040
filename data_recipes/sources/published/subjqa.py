"""SubjQA: questions about reviews, each answered by two annotators with a span of the review or with "no answer".

A row of the CSV files is one annotation, not one question, and the published splits leak: nearly every dev question is
also in train, with the other annotator's answer. So the files of a domain are read together, the annotations of a
question are joined into one example, and the recipe draws its own splits by review.

Not everything the files say is reliable:

- Every review ends in the word ``ANSWERNOTFOUND``, which annotators marked for "no answer". A model would learn to look
  for it; it is cut off.
- ``human_ans_spans`` is the answer split into words and joined again (``does n't``, or pieces with the words between
  them skipped). ``human_ans_indices`` says where it is, and is what counts.
- An annotator who marked a text and ``ANSWERNOTFOUND`` has a span from the text to the end of the review. The text is
  looked up at the start of that span; where it is not found in one piece, the annotation is useless and is dropped.
- ``is_ques_subjective`` contradicts the levels and the paper. A question is subjective where its level, 1 (subjective)
  to 5 (objective), is below 4 on average over its annotators.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field

from common.command import Config
from common.errors import UserError
from data_recipes.formats.jsonl import Line
from data_recipes.formats.tables import read_table
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example, Message, Passage
from data_recipes.schema.manifest import Description
from data_recipes.sources.published.published_files import below, labelled, labels_of, rows_of
from data_recipes.sources.read_notes import ReadNotes
from data_recipes.sources.source import Source

COLUMNS = (
    "q_review_id",
    "question",
    "question_subj_level",
    "review_id",
    "review",
    "human_ans_spans",
    "human_ans_indices",
)
MARKER = "ANSWERNOTFOUND"
NOT_MENTIONED = "Not mentioned."
TASK = f"Answer the question in the words of the review. If the review does not answer it, say: {NOT_MENTIONED}"
OBJECTIVE_FROM = 4  # level
INDICES = re.compile(r"\((\d+), (\d+)\)")


class SubjqaSource(Config):
    """SubjQA as published.

    Attributes:
        kind: Selects this source.
        path: The folder with one folder per domain, each with ``splits/*.csv``.
        domains: Which of them are read.
        max_characters: A question about a longer review is dropped; null keeps all.
    """

    kind: Literal["subjqa"]
    path: str
    domains: tuple[Literal["books", "electronics", "grocery", "movies", "restaurants", "tripadvisor"], ...] = Field(
        min_length=1
    )
    max_characters: int | None = Field(None, ge=1)


class Annotation(NamedTuple):
    """One row.

    Attributes:
        id: Domain, file and row number.
        span: Characters (start, end) of the answer in the review; None where there is none.
        level: Subjectivity of the question, 1 (subjective) to 5 (objective).
    """

    id: str
    key: str
    question: str
    review_id: str
    review: str
    span: tuple[int, int] | None
    level: int


def read(config: SubjqaSource) -> Iterator[Example | Dropped | ReadNotes]:
    """Yields one item per row: a question at its first annotation, and its other annotations as ``joined_annotation``.

    Raises:
        UserError: A file is missing or empty, or has other columns.
    """
    labels, notes = labels_of(files(config)), ReadNotes()
    for domain in config.domains:
        items: list[Annotation | Dropped] = []
        for path in _files_of(config, domain):
            for line in labelled(read_table(path, COLUMNS), labels[path]):
                notes.add(line, COLUMNS)
                items.append(_annotation(line, domain, path))
        by_question: dict[str, list[Annotation]] = {}
        for item in items:
            if isinstance(item, Annotation):
                by_question.setdefault(item.key, []).append(item)
        for item in items:
            yield item if isinstance(item, Dropped) else _item(item, by_question[item.key], config)
    yield from notes.found()


def _annotation(line: Line | Dropped, domain: str, path: Path) -> Annotation | Dropped:
    if isinstance(line, Dropped):
        return line
    key, question, level, review_id, review, text, indices = (line.row[name] for name in COLUMNS)
    found = INDICES.fullmatch(indices)
    if not (key and question and review_id):
        return Dropped(line.where, "empty_field")
    if not review.endswith(MARKER):
        return Dropped(line.where, "review_cut")
    if level not in ("1", "2", "3", "4", "5"):
        return Dropped(line.where, "bad_level")
    if not found or not (span := (int(found[1]), int(found[2])))[0] < span[1] <= len(review):
        return Dropped(line.where, "bad_span")
    id = f"subjqa-{domain}-{path.stem}-{line.number}"
    passage = review.removesuffix(MARKER).rstrip()
    try:
        answer = _remapped(span, text, review)
    except _SaysNothing:
        return Dropped(id, "contradictory_annotation")
    return Annotation(id, f"{key} {question}", question, review_id, passage, answer, int(level))


class _SaysNothing(Exception):
    """An annotation marks a text and ``ANSWERNOTFOUND``, but the text cannot be found."""


def _remapped(span: tuple[int, int], text: str, review: str) -> tuple[int, int] | None:
    """The span in the review without the marker; None for "no answer".

    Args:
        span: Characters in the review with the marker.
        text: The words that were marked.
        review: The review with the marker.

    Raises:
        _SaysNothing: It covers a text and the marker, and the text is not at its start.
    """
    start, end = span
    marker = len(review) - len(MARKER)
    if start >= marker:
        return None
    if end <= marker:
        marked = review[start:end].strip()
        start += review[start:end].index(marked)
        return (start, start + len(marked)) if marked else None
    characters = "".join(text.removesuffix(MARKER).split())
    pattern = r"\s*".join(map(re.escape, characters))
    if not characters or not (found := re.compile(pattern).match(review, start, marker)):
        raise _SaysNothing
    return found.span()


def _item(annotation: Annotation, annotations: list[Annotation], config: SubjqaSource) -> Example | Dropped:
    if annotation is not annotations[0]:
        same = (annotation.review, annotation.review_id) == (annotations[0].review, annotations[0].review_id)
        return Dropped(annotation.id, "joined_annotation" if same else "other_review")
    if config.max_characters is not None and len(annotation.review) > config.max_characters:
        return Dropped(annotation.id, "long_review")
    return _example(annotation, [a for a in annotations if a.review == annotation.review])


def _example(first: Annotation, annotations: list[Annotation]) -> Example:
    spans = tuple(dict.fromkeys(a.span for a in annotations if a.span))
    answers = [first.review[start:end] for start, end in spans]
    if any(a.span is None for a in annotations):
        answers.append(NOT_MENTIONED)
    level = sum(a.level for a in annotations) / len(annotations)
    return Example(
        id=first.id,
        messages=(
            Message(role="system", content=TASK),  # not in the user's turn, where all questions would share it
            Message(role="user", content=f"Review: {first.review}\n\nQuestion: {first.question}"),
            Message(role="assistant", content=answers[0]),
        ),
        source="subjqa",
        group=f"subjqa-{first.review_id}",
        kind="objective" if level >= OBJECTIVE_FROM else "subjective",
        behaviour="answer" if spans else "refuse",
        references=tuple(dict.fromkeys(answers[1:])),
        passage=Passage(context=first.review, question=first.question, spans=spans),
    )


def _files_of(config: SubjqaSource, domain: str) -> list[Path]:
    folder = Path(config.path).expanduser()
    paths = below(folder, (f"{domain}/splits/*.csv",))
    if not paths:
        raise UserError(
            f"no {domain}/splits/*.csv here", where=str(folder), fix="give source.path=… of the folder of the domains"
        )
    return paths


def files(config: SubjqaSource) -> list[Path]:
    """The files that are read."""
    return [path for domain in config.domains for path in _files_of(config, domain)]


SOURCE = Source(
    config=SubjqaSource,
    read=read,
    files=files,
    about=Description(
        zh="SubjQA：针对商品、酒店等英文评论的问答，答案是评论中的片段或“没有提到”。仅供研究。",
        en="SubjQA: questions about English reviews of products and hotels; the answer is a part of the review, or that"
        " it is not mentioned. For research.",
    ),
    licence="megagonlabs/SubjQA; each domain under the terms of its source (Amazon, TripAdvisor, Yelp), research use",
    splits={
        "train": Description(zh="训练集", en="for training"),
        "dev": Description(
            zh="评论不在训练集中：用于验证损失和选择“无答案”阈值",
            en="reviews that are not in training: for the loss and the no-answer threshold",
        ),
        "test": Description(zh="评论不在训练集中", en="reviews that are not in training"),
    },
    rows_of=rows_of,
    instructs_in_system=True,
)
