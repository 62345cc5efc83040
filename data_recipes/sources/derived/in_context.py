"""The tests of a built dataset with demonstrations from its training split in every prompt (in-context learning)."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, PositiveInt
from tqdm import tqdm

from common.command import Config
from common.errors import UserError
from data_recipes.schema.demonstration import Choice
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import Description
from data_recipes.schema.splits import TRAIN
from data_recipes.sources.derived.built_datasets import checked, common_grounding, licences, open_dataset, rows_of
from data_recipes.sources.derived.demonstrations import Demonstrations, prefixed, shown
from data_recipes.sources.derived.points import point
from data_recipes.sources.source import Source, SourceDetails


class InContextSource(Config):
    """Tests with demonstrations.

    Attributes:
        kind: Selects this source.
        path: Directory of a built dataset with a training split and tests.
        demonstrations: How many are in each prompt.
        choice: ``fixed``, ``random`` or ``similar``.
        same_kind: Whether they are of the item's kind, where there are enough.
        max_characters: Longer training rows are not used as demonstrations.
        pool: Training rows that demonstrations are chosen from; a larger split is sampled.
        seed: Of the choice.
    """

    kind: Literal["in_context"]
    path: str
    demonstrations: int = Field(ge=1, le=64)
    choice: Choice
    same_kind: bool
    max_characters: PositiveInt
    pool: PositiveInt
    seed: int


def read(config: InContextSource) -> Iterator[Example | Dropped]:
    """Yields the rows of every test split; ``phrasing`` names the demonstrations, too few are ``few_demonstrations``.

    Raises:
        UserError: The dataset has no training rows or no tests.
    """
    one = checked(open_dataset(config.path))
    if TRAIN not in one.manifest.splits or not one.tests:
        raise UserError("a training split and tests are needed", where=config.path, fix="name another dataset")
    pool = sorted(one.rows(TRAIN), key=lambda row: point(config.seed, row.id, "pool"))[: config.pool]
    demonstrations = Demonstrations(
        pool,
        config.demonstrations,
        config.choice,
        same_kind=config.same_kind,
        longest=config.max_characters,
        seed=config.seed,
    )
    for split in one.tests:
        for item in tqdm(one.rows(split), desc=f"demonstrations ({split})", unit="row", disable=None):
            found = demonstrations.of(item)
            if len(found) < config.demonstrations:
                yield Dropped(item.id, "few_demonstrations")
                continue
            phrasing = f"{config.choice}: {' '.join(row.id for row in found)}"
            yield prefixed(item, shown(found)).model_copy(update={"split": split, "phrasing": phrasing})


def _details(config: InContextSource) -> SourceDetails:
    one = open_dataset(config.path)
    few = config.demonstrations
    return SourceDetails(
        licences([one]),
        {
            name: Description(
                zh=f"{one.manifest.descriptions[name].zh}；提示词里有 {few} 个训练集示例",
                en=f"{one.manifest.descriptions[name].en}; with {few} demonstrations from training in the prompt",
            )
            for name in one.tests
        },
    )


SOURCE = Source(
    config=InContextSource,
    read=read,
    files=lambda config: open_dataset(config.path).files,
    about=Description(
        zh="上下文学习测试集：每题的提示词里附有训练集示例，绝不取自测试集，也不取与该题近似的行。",
        en="Tests for in-context learning: each prompt carries demonstrations from training, never from a test"
        " and never a near-duplicate of the item.",
    ),
    licence="that of the dataset",
    splits={},
    rows_of=rows_of,
    details=_details,
    grounding=lambda config: common_grounding([open_dataset(config.path)]),
)
