"""CMATH: Chinese primary-school problems of grades 1 to 6 without solutions, and a set with distracting sentences.

JSON lines with ``input`` (on the hub ``question``) and ``golden``; the plain files have ``grade``, the other
``distractor`` (number of sentences that have nothing to do with the question) and ``original``.
"""

from collections.abc import Iterator
from typing import Literal

from common.command import Config
from common.hashing import sha256_text
from data_recipes.formats.jsonl import Line
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import Description
from data_recipes.sources.published.published_files import HUB, paths_of, published_lines, rows_of
from data_recipes.sources.read_notes import ReadNotes
from data_recipes.sources.source import DRAWN, Source
from domains.mathematics.answers import is_checkable
from domains.mathematics.instructions import Solved, instruction

COLUMNS = ("input", "question", "golden", "grade", "distractor", "original")
DISTRACTORS = "distractors"
FILES = {
    "": ("cmath_dev.jsonl", *HUB["dev"]),
    "test": ("cmath_test.jsonl", *HUB["test"]),
    DISTRACTORS: ("distractor.jsonl",),
}


class CmathSource(Config):
    """CMATH.

    Attributes:
        kind: Selects this source.
        path: The folder of ``cmath_dev.jsonl``, ``cmath_test.jsonl`` and ``distractor.jsonl`` (those that there are),
            or one such file.
        steps: Whether the prompt asks for the steps; the set has none to learn from.
    """

    kind: Literal["cmath"]
    path: str
    steps: Literal["none", "asked"]


def read(config: CmathSource) -> Iterator[Example | Dropped | ReadNotes]:
    """Yields one item per row; the problems with distractors are a separate split."""
    notes = ReadNotes()
    for split, line in published_lines(config.path, FILES):
        notes.add(line, COLUMNS)
        yield line if isinstance(line, Dropped) else _item(line, split, config)
    yield from notes.found()


def _item(line: Line, split: str, config: CmathSource) -> Example | Dropped:
    row = {"input": line.row.get("question"), **line.row}  # the hub's name for it
    for column in ("input", "golden"):
        if not isinstance(row.get(column), str) or not row[column].strip():
            return Dropped(line.where, f"no_text_in_{column}")
    if not is_checkable(row["golden"]):
        return Dropped(line.where, "golden_is_no_number")
    if isinstance(row.get("distractor"), int) and isinstance(row.get("original"), str):
        kind, split, group = f"{row['distractor']}个干扰句", DISTRACTORS, sha256_text(row["original"])[:16]
    elif row.get("grade") in range(1, 7):
        kind, group = f"{row['grade']}年级", ""
    else:
        return Dropped(line.where, "no_grade")
    id = f"cmath-{split}-{line.number}" if split else f"cmath-{line.number}"
    solved = Solved(
        id=id,
        question=row["input"].strip(),
        solution="",
        result=row["golden"].strip(),
        answer=row["golden"].strip(),
        kind=kind,
        source="cmath",
        group=group or id,
        split=split,
    )
    return instruction(solved, config.steps)


SOURCE = Source(
    config=CmathSource,
    read=read,
    files=lambda config: paths_of(config.path, FILES),
    about=Description(
        zh="CMATH 小学数学应用题（一至六年级），只有最后答案，没有步骤；本是评测集，拿来训练后就不能再用它评测。",
        en="CMATH: primary-school word problems of grades 1 to 6, final answers only. It is an evaluation set:"
        " who trains on it cannot report on it.",
    ),
    licence="XiaoMi/cmath, data CC BY 4.0",
    splits={
        **DRAWN,
        DISTRACTORS: Description(
            zh="题中夹有零到五句无关的话：考察会不会被多余的数字带偏",
            en="none to five sentences that have nothing to do with the question: is the model led astray by numbers?",
        ),
    },
    rows_of=rows_of,
    instructs_in_system=True,
)
