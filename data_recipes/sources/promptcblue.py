"""PromptCBLUE: medical text tasks as prompts, JSON lines with ``input`` and ``target``.

Beside them stand ``answer_choices`` (labels that the prompt lists, or null), ``task_type``, ``task_dataset`` and
``sample_id``. Test files whose targets were not published have empty ones.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from common.command import Config
from data_recipes.example import Example, Message
from data_recipes.lines import Line, read_lines
from data_recipes.manifest import Description
from data_recipes.rows import Dropped
from data_recipes.sources.published import published_files, rows_of
from data_recipes.sources.source import DRAWN, Source
from data_recipes.text import says_something

FILES = {"train": "train.json", "dev": "dev.json", "test": "test.json"}


class PromptCblueSource(Config):
    """PromptCBLUE.

    Attributes:
        kind: Selects this source.
        path: The folder of ``train.json``, ``dev.json`` and ``test.json`` (those that there are), or one such file.
        tasks: Names of ``task_dataset`` that are read, e.g. ``CMeEE-V2``; null for all.
    """

    kind: Literal["promptcblue"]
    path: str
    tasks: tuple[str, ...] | None = None


def read(config: PromptCblueSource) -> Iterator[Example | Dropped]:
    """Yields one item a row, training first."""
    for split, path in published_files(config.path, FILES).items():
        for line in read_lines(path):
            yield line if isinstance(line, Dropped) else _item(line, split, config)


def _item(line: Line, split: str, config: PromptCblueSource) -> Example | Dropped:
    row = line.row
    if not isinstance(row.get("input"), str) or not says_something(row["input"]):
        return Dropped(line.where, "no_text_in_input")
    if not isinstance(row.get("task_dataset"), str) or not row["task_dataset"]:
        return Dropped(line.where, "no_task")
    choices = row.get("answer_choices") or []
    if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
        return Dropped(line.where, "bad_answer_choices")
    id = f"promptcblue-{split}-{line.number}" if split else f"promptcblue-{line.number}"
    if config.tasks is not None and row["task_dataset"] not in config.tasks:
        return Dropped(id, "other_task")
    if not isinstance(row.get("target"), str) or not says_something(row["target"]):
        return Dropped(id, "target_not_published") if split == "test" else Dropped(line.where, "no_text_in_target")
    target = row["target"].strip()
    return Example(
        id=id,
        messages=(Message(role="user", content=row["input"].strip()), Message(role="assistant", content=target)),
        source="promptcblue",
        group=f"promptcblue-{row['sample_id']}" if row.get("sample_id") else id,
        kind=row["task_dataset"],
        split=split,
        result=target if target in choices else "",
        choices=tuple(dict.fromkeys(choices)),
    )


def files(config: PromptCblueSource) -> list[Path]:
    """The files that are read."""
    return list(published_files(config.path, FILES).values())


SOURCE = Source(
    config=PromptCblueSource,
    read=read,
    files=files,
    about=Description(
        zh="PromptCBLUE：把医学文本任务（实体、关系、归一、分类、对话等 16 类）写成提示。",
        en="PromptCBLUE: 16 kinds of medical text tasks (entities, relations, normalisation, classes, dialogues) as"
        " prompts.",
    ),
    licence="michael-wzhu/PromptCBLUE, from CBLUE under Tianchi's terms; no licence is stated",
    splits={
        **DRAWN,
        "dev": Description(zh="公布的验证集", en="the validation set as published"),
        "test": Description(zh="公布的测试集（有答案的部分）", en="the test set as published, where it has targets"),
    },
    rows_of=rows_of,
)
