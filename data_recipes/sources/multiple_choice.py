"""Multiple choice as CMMLU publishes it: a folder of ``dev/`` and ``test/`` with one CSV file a subject.

The columns are an unnamed index, ``Question``, ``A`` to ``D`` and ``Answer``. The five dev questions of a subject are
the training split, as they are meant for demonstrations; the test questions are the test split as published.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from common.command import Config
from common.errors import UserError
from data_recipes.csv_rows import Record, read_csv
from data_recipes.example import Example, Message
from data_recipes.manifest import Description
from data_recipes.rows import Dropped
from data_recipes.sources.source import DRAWN, Source, existing
from data_recipes.text import says_something

LETTERS = ("A", "B", "C", "D")
COLUMNS = ["", "Question", *LETTERS, "Answer"]
SPLITS = {"dev": "train", "test": "test"}
INSTRUCTION = "以下是单项选择题，请直接给出正确选项的字母。"


class MultipleChoiceSource(Config):
    """A folder of subjects.

    Attributes:
        kind: Selects this source.
        path: The folder that holds ``dev`` and ``test``.
        subjects: Names of the files without ``.csv``; null for all of them.
    """

    kind: Literal["multiple_choice"]
    path: str
    subjects: tuple[str, ...] | None = None


def read(config: MultipleChoiceSource) -> Iterator[Example | Dropped]:
    """Yields one item a question, subject by subject."""
    for file in _files(config):
        split, subject = SPLITS[file.parent.name], file.stem
        for record in read_csv(file, COLUMNS, "utf-8"):
            yield record if isinstance(record, Dropped) else _item(record, split, subject)


def _item(record: Record, split: str, subject: str) -> Example | Dropped:
    _, question, *options, answer = record.fields
    if not says_something(question):
        return Dropped(record.where, "empty_question")
    if not all(options):
        return Dropped(record.where, "empty_option")
    if answer not in LETTERS:
        return Dropped(record.where, "answer_is_no_option")
    listed = "\n".join(f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=True))
    id = f"{subject}-{split}-{record.number}"
    return Example(
        id=id,
        messages=(
            Message(role="system", content=INSTRUCTION),
            Message(role="user", content=f"{question}\n{listed}"),
            Message(role="assistant", content=f"答案：{answer}"),
        ),
        source="multiple_choice",
        group=id,
        kind=subject,
        split=split,
        result=answer,
        choices=tuple(options),
    )


def _files(config: MultipleChoiceSource) -> list[Path]:
    folder = Path(config.path)
    there = sorted(path.stem for path in (folder / "test").glob("*.csv"))
    if not there:
        raise UserError(
            "no CSV files in test/", where=str(folder), fix="give the folder that holds dev and test of CMMLU"
        )
    unknown = sorted(set(config.subjects or ()) - set(there))
    if unknown:
        raise UserError(
            f"no such subject: {', '.join(unknown)}", where="source.subjects", fix=f"there are: {', '.join(there)}"
        )
    chosen = config.subjects or tuple(there)
    return existing(*(folder / split / f"{subject}.csv" for split in SPLITS for subject in chosen))


SOURCE = Source(
    config=MultipleChoiceSource,
    read=read,
    files=_files,
    about=Description(
        zh="中文单项选择题（CMMLU 格式）。用于评测；训练集只有每科五道示例题。",
        en="Chinese multiple choice in the format of CMMLU: for evaluation; training holds five examples a subject.",
    ),
    licence="CMMLU, haonan-li/CMMLU: CC BY-NC-SA 4.0",
    splits={
        **DRAWN,
        "test": Description(zh="公布的测试题", en="the published test questions"),
    },
    rows_of=lambda path: sum(1 for _ in read_csv(path, COLUMNS, "utf-8")),
)
