"""Multiple choice as CMMLU, C-Eval, CMExam and CMB publish it, in their repositories and on hubs.

``cmmlu``: ``dev/`` and ``test/`` with one CSV per subject; unnamed index, ``Question``, ``A`` to ``D``, ``Answer``.
``ceval``: ``dev/`` and ``val/`` with ``<subject>_dev.csv`` …; ``id``, ``question``, ``A`` to ``D``, ``answer`` and
``explanation`` (in dev). Both as Parquet too, one folder per subject. The five dev questions of a subject are the
training split, being meant for demonstrations; what is tested is CMMLU's test and C-Eval's val. C-Eval's test has no
answers and is not read.

``cmexam``: ``train.csv``, ``val.csv`` and ``test_with_annotations.csv``; ``Question``, ``Options`` (one per line: ``A
…``, its end in some copies the two characters ``\\n``), ``Answer``, ``Explanation``; on the hub ``train.json`` … with
``Options`` as ``[{"key": "A", "value": …}]``.
``cmb``: JSON arrays with ``question``, ``option``, ``answer`` and ``question_type``; the answers of its test questions
are in a separate file.

Some questions of CMExam and CMB have several right options; their result is e.g. ``ACD``.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any, Literal, NamedTuple

from common.command import Config
from common.errors import UserError
from data_recipes.formats.json_rows import read_objects
from data_recipes.formats.jsonl import Line
from data_recipes.formats.tables import TABLES, read_table
from data_recipes.leakage.normalise import says_something
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example, Message
from data_recipes.schema.manifest import Description
from data_recipes.sources.published.published_files import (
    HUB,
    Names,
    below,
    labelled,
    labels_of,
    published_files,
    rows_of,
    visible,
)
from data_recipes.sources.read_notes import ReadNotes
from data_recipes.sources.source import DRAWN, Source, SourceDetails

Format = Literal["cmmlu", "ceval", "cmexam", "cmb"]

LETTERS = "ABCDEFGH"
SUBJECTS: dict[str, dict[str, str]] = {  # format -> split by the published one
    "cmmlu": {"dev": "train", "test": "test"},
    "ceval": {"dev": "train", "val": "test"},
}
FILES: dict[str, Names] = {  # format -> split -> possible names of its file
    "cmexam": {
        "train": ("train.csv", "train.json", *HUB["train"]),
        "dev": ("val.csv", "valid.json", *HUB["dev"]),
        "test": ("test_with_annotations.csv", "test.csv", "test.json", *HUB["test"]),
    },
    "cmb": {
        "train": ("CMB-train-merge.json",),
        "dev": ("CMB-val-merge.json",),
        "test": ("CMB-test-choice-question-merge.json",),
    },
}
CMB_ANSWERS = ("CMB-test-choice-answer.json",)
COLUMNS = {
    "cmmlu": ("Question", *"ABCD", "Answer"),
    "ceval": ("question", *"ABCD", "answer"),
    "cmexam": ("Question", "Options", "Answer"),
}
LICENCES = {
    "cmmlu": "CMMLU, haonan-li/CMMLU: CC BY-NC-SA 4.0",
    "ceval": "C-Eval, hkust-nlp/ceval; its authors' page states the licence",
    "cmexam": "CMExam, williamliujl/CMExam: Apache-2.0",
    "cmb": "CMB, FreedomIntelligence/CMB: Apache-2.0",
}
INSTRUCTION = "以下是单项选择题，请直接给出正确选项的字母。"
SEVERAL = "以下是多项选择题，请直接给出所有正确选项的字母。"
EXPLAINED = "以下是选择题，请先分析，最后一行给出正确选项的字母。"
_OPTION = re.compile(r"([A-H])(?:[\s.．、:：]+(.*))?")
_PUBLISHED = re.compile(r"(dev|val|test)[-.]")  # how file names on the hub begin for each split
_WRITTEN_LINE_END = re.compile(r"\\n(?![a-z])")  # and not \neq
_NAMES_OPTION = re.compile(r"(?<![A-Za-z])[A-H](?![A-Za-z])")


class MultipleChoiceSource(Config):
    """A published set of multiple-choice questions.

    Attributes:
        kind: Selects this source.
        path: Its folder, or one of its files.
        format: Whose.
        subjects: Names of the files without ``.csv`` (CMMLU, C-Eval); null for all of them.
        explanations: Whether an answer has the explanation where one is given.
        shuffle: Seed to shuffle the options of each question; null keeps the published order. An explanation
            that names options by letter is dropped then.
    """

    kind: Literal["multiple_choice"]
    path: str
    format: Format = "cmmlu"
    subjects: tuple[str, ...] | None = None
    explanations: bool = False
    shuffle: int | None = None


class ExamFile(NamedTuple):
    """One file.

    Attributes:
        split: Of its rows; empty where the recipe draws it.
        subject: Of the questions; empty where each says its own.
    """

    split: str
    subject: str
    path: Path


class ChoiceQuestion(NamedTuple):
    """One question.

    Attributes:
        id: Of the example.
        where: ``file:line``.
        options: By letter.
        answer: The letter, or letters.
        kind: Subject or exam.
    """

    id: str
    where: str
    question: str
    options: dict[str, str]
    answer: str
    explanation: str
    kind: str
    split: str


def read(config: MultipleChoiceSource) -> Iterator[Example | Dropped | ReadNotes]:
    """Yields one item per question, file by file."""
    key = _test_answers(config) if config.format == "cmb" else {}
    places, notes = exam_files(config), ReadNotes()
    labels = labels_of([place.path for place in places])
    for place in places:
        for line in labelled(_rows(place.path, config.format), labels[place.path]):
            notes.add(line, _columns(config, place))
            item = _choice(line, place, config, key) if isinstance(line, Line) else line
            yield _item(item, config) if isinstance(item, ChoiceQuestion) else item
    yield from notes.found()


def _columns(config: MultipleChoiceSource, place: ExamFile) -> set[str]:
    """The columns that are read, in any of the layouts."""
    columns = {"Question", "question", "Options", "option", *"ABCD", "Answer", "answer"}
    columns |= {"Explanation", "explanation"} if config.explanations else set()
    columns |= {"id"} if config.format == "cmb" else set()
    return columns if place.subject else columns | {"exam_class", "exam_type"}


def _rows(path: Path, format: Format) -> Iterator[Line | Dropped]:
    return read_table(path, COLUMNS[format]) if path.suffix in TABLES else read_objects(path)


def _choice(line: Line, place: ExamFile, config: MultipleChoiceSource, key: dict[str, str]) -> ChoiceQuestion | Dropped:
    row = line.row
    id = "-".join(filter(None, (place.subject or config.format, place.split, str(line.number))))
    answer = row.get("Answer", row.get("answer"))
    if config.format == "cmb" and place.split == "test":
        answer = answer or key.get(str(row.get("id")))
        if not answer:
            return Dropped(id, "answer_not_published")
    if isinstance(answer, list):
        answer = "".join(map(str, answer))
    return ChoiceQuestion(
        id,
        line.where,
        _text(row.get("Question", row.get("question"))),
        _options(row),
        re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", str(answer or ""))).upper(),
        _text(row.get("Explanation", row.get("explanation"))),
        place.subject
        or str(row.get("exam_class") or row.get("exam_type") or LICENCES[config.format].partition(",")[0]),
        place.split,
    )


def _text(value: Any) -> str:
    return _WRITTEN_LINE_END.sub("\n", str(value or "")).strip()


def _options(row: Mapping[str, Any]) -> dict[str, str]:
    """The options by letter, in any of the layouts."""
    if "A" in row:
        return {letter: str(row.get(letter) or "").strip() for letter in "ABCD"}
    listed = row.get("Options", row.get("option"))
    if isinstance(listed, str):
        options = _listed(listed)
    elif isinstance(listed, list):  # CMExam on the hub
        options = {str(o.get("key")): str(o.get("value") or "").strip() for o in listed if isinstance(o, Mapping)}
    else:
        given = listed if isinstance(listed, Mapping) else {}
        options = {str(name): str(text or "").strip() for name, text in given.items()}
    while options and not options[max(options)]:  # CMB pads with empty ones
        del options[max(options)]
    return options


def _listed(text: str) -> dict[str, str]:
    """CMExam's options: the letter first, then a space; further lines of an option follow it."""
    options: dict[str, str] = {}
    for line in filter(str.strip, _text(text).splitlines()):
        match = _OPTION.fullmatch(line.strip())
        if match and match[1] == LETTERS[len(options) : len(options) + 1]:
            options[match[1]] = (match[2] or "").strip()
        elif match or not options:  # a letter is missing
            return {}
        else:
            options[max(options)] += f"\n{line.strip()}"
    return options


def _item(choice: ChoiceQuestion, config: MultipleChoiceSource) -> Example | Dropped:
    if not says_something(choice.question):
        return Dropped(choice.where, "empty_question")
    letters = LETTERS[: len(choice.options)]
    if len(letters) < 2 or "".join(choice.options) != letters:
        return Dropped(choice.where, "bad_options")
    if not all(choice.options.values()):
        return Dropped(choice.where, "empty_option")
    if not choice.answer or not set(choice.answer) <= set(letters):
        return Dropped(choice.where, "answer_is_no_option")
    order = letters
    if config.shuffle is not None:
        # by its text, not its id: a question that occurs twice stays recognisable as one
        order = "".join(Random(f"{config.shuffle} {choice.question}").sample(letters, len(letters)))
    options = tuple(choice.options[letter] for letter in order)
    result = "".join(sorted(letters[order.index(letter)] for letter in set(choice.answer)))
    explanation = choice.explanation if config.explanations else ""
    if order != letters and _NAMES_OPTION.search(explanation):
        explanation = ""
    asking = EXPLAINED if explanation else INSTRUCTION if len(result) == 1 else SEVERAL
    listed = "\n".join(f"{letter}. {option}" for letter, option in zip(letters, options, strict=True))
    return Example(
        id=choice.id,
        messages=(
            Message(role="system", content=asking),
            Message(role="user", content=f"{choice.question}\n{listed}"),
            Message(role="assistant", content="\n".join(filter(None, (explanation, f"答案：{result}")))),
        ),
        source="multiple_choice",
        group=choice.id,
        kind=choice.kind,
        split=choice.split,
        result=result,
        choices=options,
    )


def _test_answers(config: MultipleChoiceSource) -> dict[str, str]:
    """CMB's answers to its test questions, by id.

    Raises:
        UserError: A row of the file is damaged, or gives another answer to a question than an earlier one.
    """
    answers: dict[str, str] = {}
    for path in _answer_files(config):
        for line in read_objects(path):
            if isinstance(line, Dropped):
                where = f"{path}:{line.id.rpartition(':')[2]}"
                raise UserError(f"a damaged answer ({line.reason})", where=where, fix="copy the file again")
            id, answer = str(line.row.get("id")), str(line.row.get("answer") or "")
            if answers.setdefault(id, answer) != answer:
                raise UserError(f"two answers to question {id}", where=f"{path}:{line.where.rpartition(':')[2]}")
    return answers


def _answer_files(config: MultipleChoiceSource) -> list[Path]:
    folder = Path(config.path).expanduser()
    return below(folder, CMB_ANSWERS) if config.format == "cmb" and folder.is_dir() else []


def exam_files(config: MultipleChoiceSource) -> list[ExamFile]:
    """The files of the questions.

    Raises:
        UserError: There are none, or no file of a subject that is named.
    """
    if config.format in SUBJECTS and not Path(config.path).expanduser().is_file():
        return _subjects(Path(config.path).expanduser(), config)
    if config.format in SUBJECTS:
        return [ExamFile("", Path(config.path).stem, Path(config.path).expanduser())]
    return [ExamFile(split, "", path) for split, path in published_files(config.path, FILES[config.format])]


def _subjects(folder: Path, config: MultipleChoiceSource) -> list[ExamFile]:
    """One file per subject and split, training first."""
    splits = SUBJECTS[config.format]
    found = [place for path in visible(folder, "*.*") if (place := _subject(path, splits))]
    if not found:
        raise UserError(
            f"no CSV or Parquet files in {' and '.join(splits)}",
            where=str(folder),
            fix="give the folder that holds them",
        )
    there = sorted({place.subject for place in found})
    if unknown := sorted(set(config.subjects or ()) - set(there)):
        raise UserError(
            f"no such subject: {', '.join(unknown)}", where="source.subjects", fix=f"available: {', '.join(there)}"
        )
    chosen = [place for place in found if place.subject in (config.subjects or there)]
    for one, other in itertools.pairwise(sorted(chosen)):
        if one[:2] == other[:2]:
            raise UserError(f"{one.subject} exists twice: {one.path}", where=str(other.path), fix="remove one")
    return sorted(chosen, key=lambda place: (place.split != "train", place.subject))


def _subject(path: Path, splits: Mapping[str, str]) -> ExamFile | None:
    """Whose questions a file holds: ``dev/x.csv``, ``dev/x_dev.csv``, ``x/dev-….parquet`` or ``x/dev/….parquet``."""
    published, subject = path.parent.name, path.stem
    if path.suffix == ".parquet":
        named = _PUBLISHED.match(path.name)
        published, subject = (named[1], published) if named else (published, path.parent.parent.name)
    if path.suffix not in (".csv", ".parquet") or published not in splits:
        return None
    return ExamFile(splits[published], subject.removesuffix(f"_{published}"), path)


def files(config: MultipleChoiceSource) -> list[Path]:
    """The files that are read, CMB's answers included."""
    return [*(place.path for place in exam_files(config)), *_answer_files(config)]


_SPLITS = {**DRAWN, "test": Description(zh="公布的测试题", en="the published test questions")}

SOURCE = Source(
    config=MultipleChoiceSource,
    read=read,
    files=files,
    about=Description(
        zh="中文选择题（CMMLU、C-Eval、CMExam 或 CMB）。多为评测而编；拿来训练后就不能再用它评测。",
        en="Chinese multiple choice (CMMLU, C-Eval, CMExam or CMB), mostly made for evaluation: what is trained on can"
        " no longer be tested on.",
    ),
    licence="; ".join(LICENCES.values()),
    splits=_SPLITS,
    rows_of=rows_of,
    details=lambda config: SourceDetails(licence=LICENCES[config.format], splits=_SPLITS),
    instructs_in_system=True,
)
