"""Ape210K: Chinese word problems with an equation, JSON lines with ``original_text``, ``equation`` and ``ans``.

The equation reads ``x=…`` with mixed fractions such as ``1(3/4)``, percent and ratios. A row whose equation does not
give its answer is wrong somewhere, and dropped.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Literal

from common.command import Config
from data_recipes.formats.jsonl import Line
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import Description
from data_recipes.sources.published.published_files import HUB, paths_of, published_lines, rows_of
from data_recipes.sources.read_notes import ReadNotes
from data_recipes.sources.source import PUBLISHED, Source
from domains.mathematics.expression import NotArithmetic, value
from domains.mathematics.instructions import Solved, Steps, instruction
from domains.mathematics.problem import fraction, percent, shown

FILES = {
    "train": ("train.ape.json", *HUB["train"]),
    "dev": ("valid.ape.json", *HUB["dev"]),
    "test": ("test.ape.json", *HUB["test"]),
}
_MIXED = re.compile(r"(\d+)\((\d+/\d+)\)")
_FRACTION_OR_DIVISION = re.compile(r"\(\d+/\d+\)|/")
_OPERATOR = re.compile(r"\*\*|[-+*/:]")


class Ape210kSource(Config):
    """Ape210K.

    Attributes:
        kind: Selects this source.
        path: The folder of ``train.ape.json``, ``valid.ape.json`` and ``test.ape.json`` (those that there are), or one
            such file.
        steps: Whether the prompt asks for the steps (``asked``) and whether the answer has the equation (not with
            ``none``).
    """

    kind: Literal["ape210k"]
    path: str
    steps: Steps


def read(config: Ape210kSource) -> Iterator[Example | Dropped | ReadNotes]:
    """Yields one item per row, training first."""
    notes = ReadNotes()
    for split, line in published_lines(config.path, FILES):
        notes.add(line, ("original_text", "equation", "ans"))
        yield line if isinstance(line, Dropped) else _item(line, split, config)
    yield from notes.found()


def _item(line: Line, split: str, config: Ape210kSource) -> Example | Dropped:
    for column in ("original_text", "equation", "ans"):
        if not isinstance(line.row.get(column), str) or not line.row[column].strip():
            return Dropped(line.where, f"no_text_in_{column}")
    left = line.row["equation"].strip().removeprefix("x=")
    try:
        computed = value(left)
    except NotArithmetic:
        return Dropped(line.where, "equation_has_no_value")
    try:
        expected = value(line.row["ans"])
    except NotArithmetic:
        return Dropped(line.where, "ans_has_no_value")
    if computed != expected:
        return Dropped(line.where, "equation_does_not_give_ans")
    result = _result(line.row["ans"], expected)
    id = f"ape210k-{split}-{line.number}" if split else f"ape210k-{line.number}"
    solved = Solved(
        id=id,
        question=line.row["original_text"].strip(),
        solution=f"列式计算：{_written(left, expected)}={result}",
        result=result,
        answer=result,
        kind=f"{len(_OPERATOR.findall(left))}步",
        source="ape210k",
        group=id,
        split=split,
    )
    return instruction(solved, config.steps)


def _result(answer: str, number: Fraction) -> str:
    """The answer in the form it was given: percent, fraction or decimal."""
    if answer.strip().endswith("%"):
        return percent(number)
    return fraction(number) if "/" in answer else shown(number)


def _written(expression: str, number: Fraction) -> str:
    """An expression with a textbook's signs, where that does not change its value."""
    written = _FRACTION_OR_DIVISION.sub(lambda match: "÷" if match[0] == "/" else match[0], expression)
    written = _MIXED.sub(r"(\1又\2)", written).replace("**", "^").replace("*", "×").replace(":", "÷")
    return written if value(written) == number else expression


SOURCE = Source(
    config=Ape210kSource,
    read=read,
    files=lambda config: paths_of(config.path, FILES),
    about=Description(
        zh="Ape210K 小学应用题，每题有列式和得数；列式算不出得数的题已删去。",
        en="Ape210K: primary-school word problems, each with an equation; rows whose equation does not give the answer"
        " are dropped.",
    ),
    licence="Chenny0808/ape210k; no licence is stated for the data",
    splits=PUBLISHED,
    rows_of=rows_of,
    instructs_in_system=True,
)
