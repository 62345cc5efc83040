"""Bencao's conversations about medical literature: a conversation in ``instruction``, its last answer in ``output``.

A JSON array (lines are read too). The turns follow one another as ``<user>: … <bot>: … <user>: …``. They were
written by GPT-3.5 from abstracts about liver cancer, and often recommend what one study of mice or cells suggests.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from common.command import Config
from data_recipes.formats.json_rows import read_objects
from data_recipes.formats.jsonl import Line
from data_recipes.leakage.normalise import says_something
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example, Message
from data_recipes.schema.manifest import Description
from data_recipes.sources.read_notes import ReadNotes
from data_recipes.sources.source import DRAWN, Source, existing

_MARK = re.compile(r"<(user|bot)>\s*[:：]")


class BencaoLiteratureSource(Config):
    """Conversations in one field.

    Attributes:
        kind: Selects this source.
        path: The file.
    """

    kind: Literal["bencao_literature"]
    path: str


def read(config: BencaoLiteratureSource) -> Iterator[Example | Dropped | ReadNotes]:
    """Yields one item per conversation."""
    notes = ReadNotes()
    for line in read_objects(Path(config.path)):
        notes.add(line, ("instruction", "input", "output"))
        yield line if isinstance(line, Dropped) else _item(line)
    yield from notes.found()


def _item(line: Line) -> Example | Dropped:
    for column in ("instruction", "output"):
        if not isinstance(line.row.get(column), str):
            return Dropped(line.where, f"no_text_in_{column}")
    before, *parts = _MARK.split(line.row["instruction"])
    speakers, said = parts[::2], [text.strip() for text in parts[1::2]]
    if before.strip() or not parts:
        return Dropped(line.where, "no_turns")
    if speakers != ["user", "bot"] * (len(speakers) // 2) + ["user"]:
        return Dropped(line.where, "wrong_turn_order")
    if more := str(line.row.get("input") or "").strip():
        said[-1] = f"{said[-1]}\n{more}"
    said.append(line.row["output"].strip())
    if not all(said) or not all(any(map(says_something, said[of::2])) for of in (0, 1)):
        return Dropped(line.where, "empty_turn")
    turns = zip(("user", "assistant") * (len(said) // 2), said, strict=True)
    id = f"bencao_literature-{line.number}"  # only a fifth of the rows have ids of their own
    return Example(
        id=id,
        messages=tuple(Message(role=role, content=text) for role, text in turns),
        source="bencao_literature",
        group=id,
        kind="多轮" if len(said) > 2 else "单轮",
    )


SOURCE = Source(
    config=BencaoLiteratureSource,
    read=read,
    files=lambda config: existing(Path(config.path)),
    about=Description(
        zh="本草（华驼）的医学文献对话。由 GPT-3.5 依据肝癌文献摘要写成，常把细胞或动物实验当作治疗建议，未经医生核对；"
        "仅供学术研究，不可用于服务。",
        en="Conversations of Bencao (HuaTuo) about medical literature, written by GPT-3.5 from abstracts about liver"
        " cancer; they often recommend what a study of cells or mice suggests. Academic use only, not for a service.",
    ),
    licence="SCIR-HI/Huatuo-Llama-Med-Chinese; the repository is Apache-2.0, its README allows academic use only",
    splits={
        **DRAWN,
        "test": Description(
            zh="与训练集没有相同的 13 字片段；答案由模型生成，不是医学标准",
            en="no run of 13 characters in common with training; a model wrote the references",
        ),
    },
)
