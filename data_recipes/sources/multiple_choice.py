"""Multiple choice as CMMLU, C-Eval, CMExam and CMB publish it.

``cmmlu``: a folder of ``dev/`` and ``test/`` with one CSV a subject; unnamed index, ``Question``, ``A`` to ``D``,
``Answer``. ``ceval``: ``dev/``, ``val/`` and ``test/`` with ``<subject>_dev.csv`` …; ``id``, ``question``, ``A`` to
``D``, ``answer`` (not in test) and ``explanation`` (in dev). The five dev questions of a subject are the training
split, as they are meant for demonstrations; what is tested is CMMLU's test and C-Eval's val.

``cmexam``: ``train.csv``, ``val.csv`` and ``test_with_annotations.csv``; ``Question``, ``Options`` (a line each: ``A
…``), ``Answer``, ``Explanation``. ``cmb``: JSON arrays with ``question``, ``option``, ``answer`` and ``question_type``;
the answers of its test questions stand in a file of their own.

Some questions of CMExam and CMB have several right options; their result is e.g. ``ACD``.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Literal, NamedTuple

from common.command import Config
from common.errors import UserError
from data_recipes.example import Example, Message
from data_recipes.lines import Line
from data_recipes.manifest import Description
from data_recipes.objects import read_objects
from data_recipes.rows import Dropped
from data_recipes.sources.source import DRAWN, Source, Told
from data_recipes.table_rows import read_table
from data_recipes.text import says_something

Format = Literal["cmmlu", "ceval", "cmexam", "cmb"]

LETTERS = "ABCDEFGH"
SUBJECTS: dict[str, dict[str, tuple[str, str]]] = {  # split -> folder and what follows the subject in a file's name
    "cmmlu": {"train": ("dev", ".csv"), "test": ("test", ".csv")},
    "ceval": {"train": ("dev", "_dev.csv"), "test": ("val", "_val.csv")},
}
FILES: dict[str, dict[str, tuple[str, ...]]] = {  # split -> names that its file goes by
    "cmexam": {"train": ("train.csv",), "dev": ("val.csv",), "test": ("test_with_annotations.csv", "test.csv")},
    "cmb": {
        "train": ("CMB-train/CMB-train-merge.json", "CMB-train-merge.json"),
        "dev": ("CMB-val/CMB-val-merge.json", "CMB-val-merge.json"),
        "test": ("CMB-test/CMB-test-choice-question-merge.json", "CMB-test-choice-question-merge.json"),
    },
}
CMB_ANSWERS = ("CMB-test/CMB-test-choice-answer.json", "CMB-test-choice-answer.json")
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
_OPTION = re.compile(r"([A-H])(?:[\s.．、:：]+)(.*)")
_NAMES_OPTION = re.compile(r"(?<![A-Za-z])[A-H](?![A-Za-z])")


class MultipleChoiceSource(Config):
    """A published set of multiple-choice questions.

    Attributes:
        kind: Selects this source.
        path: Its folder.
        format: Whose.
        subjects: Names of the files without ``.csv`` (CMMLU, C-Eval); null for all of them.
        explanations: Whether an answer has the explanation where one is given.
        shuffle: Seed of another order of the options of each question; null keeps the published order. An explanation
            that names options by letter is left out then.
    """

    kind: Literal["multiple_choice"]
    path: str
    format: Format = "cmmlu"
    subjects: tuple[str, ...] | None = None
    explanations: bool = False
    shuffle: int | None = None


class Choice(NamedTuple):
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


def read(config: MultipleChoiceSource) -> Iterator[Example | Dropped]:
    """Yields one item a question, file by file."""
    key = _test_answers(config) if config.format == "cmb" else {}
    for split, path in _placed(config):
        rows = read_objects(path) if path.suffix == ".json" else read_table(path, COLUMNS[config.format])
        for row in rows:
            if isinstance(row, Line):
                choice = _choice(row, path, split, config, key)
                yield choice if isinstance(choice, Dropped) else _item(choice, config)
            else:
                yield row


def _choice(line: Line, path: Path, split: str, config: MultipleChoiceSource, key: dict[str, str]) -> Choice | Dropped:
    row = line.row
    match config.format:
        case "cmmlu" | "ceval":
            kind = path.name.removesuffix(SUBJECTS[config.format][split][1])
            id = (
                f"{kind}-{path.parent.name}-{line.number}"
                if config.format == "ceval"
                else f"{kind}-{split}-{line.number}"
            )
            question, options = row.get("Question", row.get("question")), {letter: row[letter] for letter in "ABCD"}
        case "cmexam":
            kind, id = "CMExam", f"cmexam-{split}-{line.number}"
            question, options = row["Question"], _listed(row["Options"])
        case "cmb":
            kind, id = str(row.get("exam_class") or row.get("exam_type") or "CMB"), f"cmb-{split}-{line.number}"
            question, options = row.get("question"), _named(row.get("option"))
    answer = key.get(str(row.get("id")), "") if split == "test" and key else row.get("Answer", row.get("answer"))
    if not answer and split == "test" and config.format == "cmb":
        return Dropped(id, "answer_not_published")
    explanation = row.get("Explanation", row.get("explanation"))
    return Choice(
        id,
        line.where,
        str(question or "").strip(),
        options,
        re.sub(r"[\s,，、]", "", str(answer or "")).upper(),
        str(explanation or "").strip(),
        kind,
        split,
    )


def _listed(text: str) -> dict[str, str]:
    """CMExam's options: a line each, the letter first."""
    found = (_OPTION.fullmatch(line.strip()) for line in text.splitlines() if line.strip())
    return {match[1]: match[2].strip() for match in found if match}


def _named(value: Any) -> dict[str, str]:
    """CMB's options; it fills up with empty ones."""
    if not isinstance(value, dict):
        return {}
    options = {str(name): str(text or "").strip() for name, text in value.items()}
    while options and not options[max(options)]:
        del options[max(options)]
    return options


def _item(choice: Choice, config: MultipleChoiceSource) -> Example | Dropped:
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
        # by its text, not its id: a question that stands twice stays recognisable as one
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
    """CMB's answers to its test questions, by id."""
    path = _first(Path(config.path), CMB_ANSWERS)
    if path is None:
        return {}
    return {
        str(line.row.get("id")): str(line.row.get("answer")) for line in read_objects(path) if isinstance(line, Line)
    }


def _placed(config: MultipleChoiceSource) -> list[tuple[str, Path]]:
    """The files that are read, each with its split."""
    folder = Path(config.path)
    if config.format in SUBJECTS:
        return _subjects(folder, config)
    found = [(split, _first(folder, names)) for split, names in FILES[config.format].items()]
    there = [(split, path) for split, path in found if path is not None]
    if not there:
        names = ", ".join(names[-1] for names in FILES[config.format].values())
        raise UserError(f"none of {names} is here", where=str(folder), fix="give source.path=… of their folder")
    return there


def _subjects(folder: Path, config: MultipleChoiceSource) -> list[tuple[str, Path]]:
    places = SUBJECTS[config.format]
    under, ending = places["test"]
    there = sorted(path.name.removesuffix(ending) for path in (folder / under).glob(f"*{ending}"))
    if not there:
        raise UserError(
            f"no CSV files in {under}/",
            where=str(folder),
            fix=f"give the folder that holds {' and '.join(under for under, _ in places.values())}",
        )
    unknown = sorted(set(config.subjects or ()) - set(there))
    if unknown:
        raise UserError(
            f"no such subject: {', '.join(unknown)}", where="source.subjects", fix=f"there are: {', '.join(there)}"
        )
    chosen = config.subjects or tuple(there)
    return [(split, folder / f / f"{subject}{end}") for split, (f, end) in places.items() for subject in chosen]


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def files(config: MultipleChoiceSource) -> list[Path]:
    """The files that are read, CMB's answers included.

    Raises:
        UserError: One is missing.
    """
    paths = [path for _, path in _placed(config)]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise UserError("the file does not exist", where=str(missing[0]), fix="get it too, or leave out its subject")
    answers = _first(Path(config.path), CMB_ANSWERS) if config.format == "cmb" else None
    return [*paths, answers] if answers else paths


def _rows_of(path: Path) -> int:
    rows = read_objects(path) if path.suffix == ".json" else read_table(path, [])
    return sum(1 for _ in rows)


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
    rows_of=_rows_of,
    told=lambda config: Told(licence=LICENCES[config.format], splits=_SPLITS),
)
