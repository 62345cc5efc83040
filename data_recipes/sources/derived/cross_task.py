"""The tests of a built dataset under one fixed prompt of demonstrations of other tasks (ICIL)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import PositiveInt

from common.command import Config
from common.errors import UserError
from data_recipes.leakage.normalise import question
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import Description
from data_recipes.sources.derived.built_datasets import (
    SourceDataset,
    checked,
    common_grounding,
    licences,
    open_dataset,
    rows_of,
)
from data_recipes.sources.derived.cross_task_prompt import SHIPPED, load, select, shown
from data_recipes.sources.derived.demonstrations import prefixed
from data_recipes.sources.source import Source, SourceDetails


class CrossTaskSource(Config):
    """Tests under a fixed cross-task prompt.

    Attributes:
        kind: Selects this source.
        path: Directory of a built dataset with tests.
        demonstrations: How many are in the prompt; the paper has 8.
        demonstrations_path: A YAML file of demonstrations; the shipped one where it is null.
        seed: Of the choice.
    """

    kind: Literal["cross_task"]
    path: str
    demonstrations: PositiveInt
    demonstrations_path: str | None
    seed: int


def read(config: CrossTaskSource) -> Iterator[Example | Dropped]:
    """Yields the rows of every test split, all with the same prompt before them.

    Raises:
        UserError: The dataset has no tests, or the rules leave too few demonstrations.
    """
    one = checked(open_dataset(config.path))
    if not one.tests:
        raise UserError("the dataset has no test split", where=config.path, fix="name another dataset")
    chosen = select(load(_file(config)), config.demonstrations, _evaluated(one), config.seed)
    prompt = shown(chosen)
    for split in one.tests:
        for item in one.rows(split):
            yield prefixed(item, prompt).model_copy(update={"split": split})


def _evaluated(one: SourceDataset) -> set[str]:
    """The kinds and questions that are evaluated."""
    found = set()
    for split in one.tests:
        for item in one.rows(split):
            found |= {item.kind, item.source, question(item)}
    return found


def _file(config: CrossTaskSource) -> Path:
    return Path(config.demonstrations_path).expanduser() if config.demonstrations_path else SHIPPED


def _details(config: CrossTaskSource) -> SourceDetails:
    one = open_dataset(config.path)
    return SourceDetails(
        licences([one]),
        {
            name: Description(
                zh=f"{one.manifest.descriptions[name].zh}；提示词以固定的跨任务示例开头",
                en=f"{one.manifest.descriptions[name].en}; after a fixed prompt of other tasks",
            )
            for name in one.tests
        },
    )


SOURCE = Source(
    config=CrossTaskSource,
    read=read,
    files=lambda config: [_file(config), *open_dataset(config.path).files],
    about=Description(
        zh="上下文指令学习（ICIL）测试集：每题前都是同一段跨任务示例，示例为本项目自写的分类任务，不含所测任务。",
        en="Tests for in-context instruction learning: the same demonstrations of other tasks before every item; they"
        " are classification tasks written for this project.",
    ),
    licence="that of the dataset",
    splits={},
    rows_of=lambda path: 0 if path.suffix == ".yaml" else rows_of(path),
    details=_details,
    grounding=lambda config: common_grounding([open_dataset(config.path)]),
)
