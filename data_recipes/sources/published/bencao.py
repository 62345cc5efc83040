"""Bencao (HuaTuo) instructions with ``instruction``, ``input``, ``output``: JSON lines or an array.

A user's own rows in this layout are read too, under all names of ``formats.columns``.

They were written by GPT-3.5 from a medical knowledge graph. Answers may list drugs that no guideline names for the
case, and some instructions describe a patient without asking anything.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal

from common.command import Config
from data_recipes.formats.columns import ANSWER, INPUT, QUESTION, question_and_answer
from data_recipes.formats.json_rows import read_objects
from data_recipes.formats.jsonl import Line
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import Description
from data_recipes.sources.published.pairs import Pair, example, missing_part
from data_recipes.sources.read_notes import ReadNotes
from data_recipes.sources.source import DRAWN, Source, existing


class BencaoSource(Config):
    """Instruction rows with ``instruction``, ``input`` and ``output``.

    Attributes:
        kind: Selects this source.
        path: The file.
    """

    kind: Literal["bencao"]
    path: str


def read(config: BencaoSource) -> Iterator[Example | Dropped | ReadNotes]:
    """Yields one item per row; instruction and input are joined by a line break."""
    notes = ReadNotes()
    for line in read_objects(Path(config.path)):
        yield line if isinstance(line, Dropped) else _item(line, notes)
    yield from notes.found()


def _item(line: Line, notes: ReadNotes) -> Example | Dropped:
    row, names = {INPUT: "", **line.row}, _columns(tuple(line.row))
    notes.add(line, names)
    for name in names:
        if not isinstance(row.get(name), str):
            return Dropped(line.where, f"no_text_in_{name}")
    question, given, answer = (row[name] for name in names)
    asked = "\n".join(filter(None, (question.strip(), given.strip())))
    pair = Pair(line.number, line.where, asked, answer, kind="问答")
    if flaw := missing_part(pair):
        return Dropped(line.where, flaw)
    return example(pair, "bencao")


@cache
def _columns(names: tuple[str, ...]) -> tuple[str, str, str]:
    """The columns of question, input and answer."""
    found = question_and_answer(names)
    return found.question or QUESTION[0], INPUT, found.answer or ANSWER[0]


SOURCE = Source(
    config=BencaoSource,
    read=read,
    files=lambda config: existing(Path(config.path)),
    about=Description(
        zh="本草（华驼）格式的指令数据。原数据由 GPT-3.5 依据医学知识图谱生成，所列药物未经医生核对；仅供学术研究。",
        en="Instructions in the format of Bencao (HuaTuo). The original was written by GPT-3.5 from a knowledge graph;"
        " no doctor has checked the drugs its answers list. Academic use only.",
    ),
    licence="SCIR-HI/Huatuo-Llama-Med-Chinese; the repository is Apache-2.0, its README allows academic use only",
    splits={
        **DRAWN,
        "test": Description(
            zh="与训练集没有相同的 13 字片段：考察没有见过的问题；答案由模型生成，不是医学标准",
            en="no run of 13 characters in common with training: unseen questions; a model wrote the references",
        ),
    },
)
