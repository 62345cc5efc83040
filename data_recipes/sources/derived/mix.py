"""Several built datasets as one, by ratio: general instructions next to a domain's keep a model from forgetting.

The splits stay apart: training goes to training, dev to dev, and each test split keeps its rows under the name
``DATASET_SPLIT``. What one part trains on and another tests on is found by the build, as in any other dataset.
"""

from collections.abc import Iterator
from typing import Literal

from loguru import logger
from pydantic import Field, model_validator

from common.command import Config
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import Description
from data_recipes.schema.splits import DEV, TRAIN
from data_recipes.sources.derived.built_datasets import (
    SourceDataset,
    checked,
    common_grounding,
    licences,
    open_datasets,
    rows_of,
)
from data_recipes.sources.derived.points import POINTS, point
from data_recipes.sources.source import DRAWN, Source, SourceDetails


class MixSource(Config):
    """Built datasets, mixed.

    Attributes:
        kind: Selects this source.
        paths: Their directories; the first one is taken whole.
        ratios: For each of the others, its training rows per row of the first: 0.25 is one in five of the mix. Dev rows
            are taken at the same ratio; tests are taken whole.
        seed: Of the choice of rows.
    """

    kind: Literal["mix"]
    paths: tuple[str, ...] = Field(min_length=2)
    ratios: tuple[float, ...]
    seed: int

    @model_validator(mode="after")
    def _one_ratio_each(self) -> "MixSource":
        if len(self.ratios) != len(self.paths) - 1 or min(self.ratios) <= 0:
            raise ValueError("expected one ratio above 0 for each path but the first")
        return self


def read(config: MixSource) -> Iterator[Example | Dropped]:
    """Yields every row of every part; those that the ratio skips are ``not_drawn``."""
    found = open_datasets(config.paths)
    for number, one in enumerate(map(checked, found)):
        for split in (TRAIN, DEV):
            wanted = _wanted(config, found, number, split)
            limit = _limit(one, split, wanted, config.seed)
            for example in one.rows(split):
                taken = point(config.seed, example.id) < limit
                yield _renamed(example, one, split) if taken else Dropped(f"{one.name}/{example.id}", "not_drawn")
        for split in one.tests:
            for example in one.rows(split):
                yield _renamed(example, one, f"{one.name}_{split}")


def _wanted(config: MixSource, found: list[SourceDataset], number: int, split: str) -> int:
    there = found[number].manifest.splits.get(split, 0)
    if not number:
        return there
    wanted = round(config.ratios[number - 1] * found[0].manifest.splits.get(split, 0))
    if split == TRAIN and wanted > there:
        logger.warning("{} has {} training rows, {} were requested: taking all", found[number].name, there, wanted)
    return wanted


def _limit(one: SourceDataset, split: str, number: int, seed: int) -> int:
    """The point below which ``number`` rows of a split are, so that a second pass takes just these."""
    points = sorted(point(seed, example.id) for example in one.rows(split))
    return POINTS if number >= len(points) else points[number]


def _renamed(example: Example, one: SourceDataset, split: str) -> Example:
    group = f"{one.name}/{example.group}"
    return example.model_copy(update={"id": f"{one.name}/{example.id}", "group": group, "split": split})


def _details(config: MixSource) -> SourceDetails:
    found = open_datasets(config.paths)
    splits = {TRAIN: DRAWN[TRAIN], DEV: DRAWN[DEV]}
    for one in found:
        splits |= {f"{one.name}_{split}": one.manifest.descriptions[split] for split in one.tests}
    return SourceDetails(licences(found), splits)


SOURCE = Source(
    config=MixSource,
    read=read,
    files=lambda config: [path for one in open_datasets(config.paths) for path in one.files],
    about=Description(
        zh="几个已建好的数据集按比例混合；各自的训练集、验证集和测试集互不相混，测试集仍分开报告。各部分的用途限制依然有效。",
        en="Built datasets mixed by ratio. Training, dev and test rows stay apart; each test is reported alone."
        " What must not be done with a part must not be done with the mix.",
    ),
    licence="that of the parts",
    splits={},
    rows_of=rows_of,
    details=_details,
    grounding=lambda config: common_grounding(open_datasets(config.paths)),
)
