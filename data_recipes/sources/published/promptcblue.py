"""PromptCBLUE: medical text tasks as prompts, JSON lines with ``input`` and ``target``.

Next to them are ``answer_choices`` (labels that the prompt lists, or null), ``task_type``, ``task_dataset`` and
``sample_id``. Test files whose targets were not published have empty ones.

Each prompt is a text in one of a few templates of its task, and lists the same labels in changing order. Any two
prompts of a task would share a run of 13 characters, and the search for leaks would find nothing but templates: so
what the template says (the labels, ``说明：…``, lines that many prompts begin or end with) goes into the system turn.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Literal

from common.command import Config
from data_recipes.formats.jsonl import Line
from data_recipes.leakage.normalise import says_something
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example, Message
from data_recipes.schema.manifest import Description
from data_recipes.sources.published.published_files import HUB, paths_of, published_lines, rows_of
from data_recipes.sources.read_notes import ReadNotes
from data_recipes.sources.source import PUBLISHED, Source

FILES = {
    "train": ("train.json", "train.jsonl", *HUB["train"]),
    "dev": ("dev.json", "dev.jsonl", *HUB["dev"]),
    "test": ("test.json", "test.jsonl", *HUB["test"]),
}
REPEATED = 20  # a line that this many prompts of a file begin or end with belongs to the template
OUTER = 3  # lines at the end of a prompt that may belong to the template
SPEAKERS = ("患者", "医生")


class PromptCblueSource(Config):
    """PromptCBLUE.

    Attributes:
        kind: Selects this source.
        path: The folder of ``train.json``, ``dev.json`` and ``test.json`` (those that there are), or one such file.
        tasks: Names of ``task_dataset`` that are read, e.g. ``CMeEE-V2``; null for all.
        templates: Where the template's words go: in the ``system`` turn, or as published in the ``prompt``, where
            the search for leaks takes every two prompts of a task for one.
    """

    kind: Literal["promptcblue"]
    path: str
    tasks: tuple[str, ...] | None = None
    templates: Literal["system", "prompt"] = "system"


def read(config: PromptCblueSource) -> Iterator[Example | Dropped | ReadNotes]:
    """Yields one item per row, training first."""
    common = _common_lines(config) if config.templates == "system" else {}
    notes = ReadNotes()
    for split, line in published_lines(config.path, FILES):
        notes.add(line, ("input", "target", "answer_choices", "task_dataset", "sample_id"))
        yield line if isinstance(line, Dropped) else _item(line, split, config, common.get(split))
    yield from notes.found()


def _common_lines(config: PromptCblueSource) -> dict[str, set[str]]:
    """The lines that many prompts begin or end with, by split."""
    shown: dict[str, Counter[str]] = {}
    for split, line in published_lines(config.path, FILES):
        if isinstance(line, Line) and isinstance(line.row.get("input"), str):
            lines = line.row["input"].splitlines()
            shown.setdefault(split, Counter()).update({lines[place] for place in _outer(lines)})
    return {
        split: {text for text, number in counts.items() if number >= REPEATED and not text.startswith(SPEAKERS)}
        for split, counts in shown.items()
    }


def _outer(lines: list[str]) -> set[int]:
    return {0, *range(max(0, len(lines) - OUTER), len(lines))} if lines else set()


def _turns(prompt: str, choices: list[str], common: set[str]) -> list[Message]:
    """The template's words as the system turn, the text as the user's."""
    lines = prompt.splitlines()
    outer = _outer(lines)
    of_template = [
        line.startswith("说明")
        or line.strip() == "答："
        or _lists(line, choices)
        or (place in outer and line in common)
        for place, line in enumerate(lines)
    ]
    text = "\n".join(line for line, template in zip(lines, of_template, strict=True) if not template)
    instruction = "\n".join(line for line, template in zip(lines, of_template, strict=True) if template)
    if not says_something(text) or not instruction:
        return [Message(role="user", content=prompt)]
    return [Message(role="system", content=instruction), Message(role="user", content=text.strip())]


def _lists(line: str, choices: list[str]) -> bool:
    """Whether a line consists mostly of labels."""
    named = [choice for choice in dict.fromkeys(choices) if choice in line]
    return len(named) > 1 and 2 * sum(map(len, named)) > len(line)


def _item(line: Line, split: str, config: PromptCblueSource, common: set[str] | None) -> Example | Dropped:
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
    target, prompt = row["target"].strip(), row["input"].strip()
    turns = [Message(role="user", content=prompt)] if common is None else _turns(prompt, choices, common)
    return Example(
        id=id,
        messages=(*turns, Message(role="assistant", content=target)),
        source="promptcblue",
        group=f"promptcblue-{row['sample_id']}" if row.get("sample_id") else id,
        kind=row["task_dataset"],
        split=split,
        result=target if target in choices else "",
        choices=tuple(dict.fromkeys(choices)),
    )


SOURCE = Source(
    config=PromptCblueSource,
    read=read,
    files=lambda config: paths_of(config.path, FILES),
    about=Description(
        zh="PromptCBLUE：把医学文本任务（实体、关系、归一、分类、对话等 16 类）写成提示。",
        en="PromptCBLUE: 16 kinds of medical text tasks (entities, relations, normalisation, classes, dialogues) as"
        " prompts.",
    ),
    licence="michael-wzhu/PromptCBLUE, from CBLUE under Tianchi's terms; no licence is stated",
    splits={
        **PUBLISHED,
        "test": Description(zh="公布的测试集（有答案的部分）", en="the test set as published, where it has targets"),
    },
    rows_of=rows_of,
    instructs_in_system=True,
)
