"""GSM8K: English word problems, JSON lines or Parquet with ``question`` and ``answer``.

The final answer is after ``####``; the solution before it has calculator marks ``<<48/2=24>>``.
"""

import re
from collections.abc import Iterator
from typing import Literal

from common.command import Config
from data_recipes.formats.jsonl import Line
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import Description
from data_recipes.sources.published.published_files import HUB, paths_of, published_lines, rows_of
from data_recipes.sources.read_notes import ReadNotes
from data_recipes.sources.source import DRAWN, PUBLISHED, Source
from domains.mathematics.expression import NotArithmetic, value
from domains.mathematics.instructions import Solved, Steps, instruction
from domains.mathematics.problem import shown

FILES = {  # the hub has a second form of the same problems in socratic/
    "train": ("train.jsonl", "main/train-*.parquet", *HUB["train"]),
    "test": ("test.jsonl", "main/test-*.parquet", *HUB["test"]),
}
_CALCULATOR = re.compile(r"<<[^<>]*>>")


class Gsm8kSource(Config):
    """GSM8K.

    Attributes:
        kind: Selects this source.
        path: The folder of ``train.jsonl`` and ``test.jsonl`` or of the hub's Parquet files, or one such file.
        steps: Whether the prompt asks for the steps (``asked``) and whether the answer has them (not with ``none``).
    """

    kind: Literal["gsm8k"]
    path: str
    steps: Steps


def read(config: Gsm8kSource) -> Iterator[Example | Dropped | ReadNotes]:
    """Yields one item per row, training first."""
    notes = ReadNotes()
    for split, line in published_lines(config.path, FILES):
        notes.add(line, ("question", "answer"))
        yield line if isinstance(line, Dropped) else _item(line, split, config)
    yield from notes.found()


def _item(line: Line, split: str, config: Gsm8kSource) -> Example | Dropped:
    for column in ("question", "answer"):
        if not isinstance(line.row.get(column), str) or not line.row[column].strip():
            return Dropped(line.where, f"no_text_in_{column}")
    solution, mark, final = line.row["answer"].partition("####")
    if not mark:
        return Dropped(line.where, "no_final_answer")
    try:
        result = shown(value(final.replace(",", "")))
    except NotArithmetic:
        return Dropped(line.where, "final_answer_is_no_number")
    steps = len(_CALCULATOR.findall(solution))
    id = f"gsm8k-{split}-{line.number}" if split else f"gsm8k-{line.number}"
    solved = Solved(
        id=id,
        question=line.row["question"].strip(),
        solution=_CALCULATOR.sub("", solution).strip(),
        result=result,
        answer=result,
        kind="1 step" if steps == 1 else f"{steps} steps",
        source="gsm8k",
        group=id,
        split=split,
        language="en",
    )
    return instruction(solved, config.steps)


SOURCE = Source(
    config=Gsm8kSource,
    read=read,
    files=lambda config: paths_of(config.path, FILES),
    about=Description(
        zh="GSM8K 英文小学应用题，附人写的解题步骤；答案可自动核对。",
        en="GSM8K: English grade-school word problems with solutions by people; the answers can be checked.",
    ),
    licence="openai/grade-school-math, MIT",
    splits={**DRAWN, "test": PUBLISHED["test"]},
    rows_of=rows_of,
    instructs_in_system=True,
)
