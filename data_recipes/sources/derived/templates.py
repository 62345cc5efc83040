"""Built datasets put through FLAN-style templates: several wordings of a task, and clusters of tasks held out."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveInt

from common.command import Config
from common.errors import UserError
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import Description
from data_recipes.schema.splits import DEV, TRAIN
from data_recipes.sources.derived.built_datasets import SourceDataset, checked, licences, open_datasets
from data_recipes.sources.derived.built_datasets import rows_of as rows_of_dataset
from data_recipes.sources.derived.points import POINTS, point
from data_recipes.sources.derived.task_templates import SHIPPED, Task, Template, choose, fields_of, fill, load
from data_recipes.sources.source import DRAWN, Source, SourceDetails

UNSEEN = "unseen_task"


class TemplatesSource(Config):
    """Built datasets as tasks.

    Attributes:
        kind: Selects this source.
        paths: Their directories.
        tasks_path: Folder of the tasks' YAML files; the shipped one where it is null.
        held_out_clusters: Clusters of tasks that are only tested, under the name ``unseen_task_TASK``.
        max_rows: A task counts for at most this many rows when the mix is divided (examples-proportional mixing with
            a maximum, as in FLAN and T5).
        rows: Training rows of the whole mix; null takes every task up to ``max_rows``.
        seed: Of the choice of rows and templates.
    """

    kind: Literal["templates"]
    paths: tuple[str, ...] = Field(min_length=1)
    tasks_path: str | None
    held_out_clusters: tuple[str, ...]
    max_rows: PositiveInt
    rows: PositiveInt | None
    seed: int


def read(config: TemplatesSource) -> Iterator[Example | Dropped]:
    """Yields each row of each dataset once for every task that takes it, or says why it does not.

    Raises:
        UserError: A dataset or a task is missing or damaged.
    """
    found, tasks = open_datasets(config.paths), _tasks(config)
    limits = _limits(config, found, tasks)
    for one in map(checked, found):
        for split in one.manifest.splits:
            for example in one.rows(split):
                named = example.model_copy(update={"id": f"{one.name}/{example.id}"})
                taking = [task for task in tasks if task.takes(example, fields_of(example))]
                if not taking:
                    yield Dropped(named.id, "no_task")
                for task in taking:
                    yield _item(task, named, split, limits[task.task], config)


def _item(task: Task, example: Example, split: str, limit: int, config: TemplatesSource) -> Example | Dropped:
    id = f"{task.task}/{example.id}"
    templates, name = _templates(task, split, config)
    if task.cluster in config.held_out_clusters:
        if split in (TRAIN, DEV):
            return Dropped(id, "held_out_cluster")
    elif split == TRAIN and point(config.seed, task.task, example.id, "mix") >= limit:
        return Dropped(id, "over_the_share")
    return fill(task, choose(task, example, templates, config.seed), example).model_copy(update={"split": name})


def _templates(task: Task, split: str, config: TemplatesSource) -> tuple[list[Template], str]:
    """The templates that may be used for a row of a split, and the split that it goes to."""
    if task.cluster in config.held_out_clusters:
        return [template for template in task.templates if not template.inverted], f"{UNSEEN}_{task.task}"
    if split == TRAIN:
        return task.trained, TRAIN
    return task.tested, split if split == DEV else f"{task.task}_{split}"


def _limits(config: TemplatesSource, found: list[SourceDataset], tasks: list[Task]) -> dict[str, int]:
    """For each task the point below which its training rows are taken."""
    points: dict[str, list[int]] = {task.task: [] for task in tasks}
    for one in found:
        for example in one.rows(TRAIN):
            fields = fields_of(example)
            for task in tasks:
                if task.takes(example, fields):
                    points[task.task].append(point(config.seed, task.task, f"{one.name}/{example.id}", "mix"))
    sizes = Counter({t.task: len(points[t.task]) for t in tasks if t.cluster not in config.held_out_clusters})
    quotas = quotas_of(sizes, config.max_rows, config.rows)
    return {name: _limit(points[name], quotas.get(name, 0)) for name in points}


def quotas_of(sizes: Counter[str], maximum: int, rows: int | None) -> dict[str, int]:
    """How many training rows each task gives: in proportion to its size, which counts up to a maximum.

    Args:
        sizes: Training rows that each task has.
        maximum: A larger task counts as one of this size.
        rows: Of the whole mix; None takes all that counts.
    """
    counted = {name: min(size, maximum) for name, size in sizes.items()}
    total = sum(counted.values())
    if rows is None or rows >= total:
        return counted
    return {name: rows * count // total for name, count in counted.items()}


def _limit(points: list[int], quota: int) -> int:
    return POINTS if quota >= len(points) else sorted(points)[quota]


def _tasks(config: TemplatesSource) -> list[Task]:
    tasks = load(_folder(config))
    clusters = {task.cluster for task in tasks}
    if unknown := sorted(set(config.held_out_clusters) - clusters):
        raise UserError(
            f"no such cluster of tasks: {', '.join(unknown)}",
            where="source.held_out_clusters",
            fix=f"available: {', '.join(sorted(clusters))}",
        )
    return tasks


def _folder(config: TemplatesSource) -> Path:
    return Path(config.tasks_path).expanduser() if config.tasks_path else SHIPPED


def _files(config: TemplatesSource) -> list[Path]:
    datasets = open_datasets(config.paths)
    return [*sorted(_folder(config).glob("*.yaml")), *(path for one in datasets for path in one.files)]


def _details(config: TemplatesSource) -> SourceDetails:
    found, tasks = open_datasets(config.paths), _tasks(config)
    splits = {
        TRAIN: DRAWN[TRAIN],
        DEV: Description(zh="训练过的任务，测试用的模板", en="trained tasks, test templates"),
    }
    for task in tasks:
        splits[f"{UNSEEN}_{task.task}"] = Description(
            zh=f"{task.task}：训练中没有这一类任务，也没有它的模板",
            en=f"{task.task}: training has no task of this cluster and none of its templates",
        )
        for name in {name for one in found for name in one.tests}:
            splits[f"{task.task}_{name}"] = Description(
                zh=f"{task.task} 的 {name}，用训练中没有的模板",
                en=f"{name} of {task.task}, in a template that training never uses",
            )
    return SourceDetails(licences(found), splits)


SOURCE = Source(
    config=TemplatesSource,
    read=read,
    files=_files,
    about=Description(
        zh="用多种模板把已建好的数据集写成指令任务（FLAN 的做法），有的模板由答案反问问题；整类任务可以留作测试。",
        en="Built datasets as instruction tasks through several templates each, as FLAN does; some ask for the question"
        " from the answer. Whole clusters of tasks can be held out for tests.",
    ),
    licence="that of the datasets",
    splits={},
    rows_of=lambda path: 0 if path.suffix == ".yaml" else rows_of_dataset(path),
    details=_details,
    instructs_in_system=True,
)
