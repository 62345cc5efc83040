"""A built dataset with each training row in several prompts; tests also in prompts that training never uses."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from common.command import Config
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import Description
from data_recipes.schema.splits import DEV, TRAIN
from data_recipes.sources.derived.built_datasets import checked, common_grounding, licences, open_dataset, rows_of
from data_recipes.sources.derived.prompt_wordings import chosen, worded, wordings
from data_recipes.sources.source import DRAWN, Source, SourceDetails

OTHER = "other_prompts"


class MultiPromptSource(Config):
    """A built dataset in more prompts.

    Attributes:
        kind: Selects this source.
        path: Its directory.
        factor: Number of prompts for each training row.
        seed: Of the choice of prompts.
    """

    kind: Literal["multi_prompt"]
    path: str
    factor: int = Field(ge=1, le=8)
    seed: int


def read(config: MultiPromptSource) -> Iterator[Example | Dropped]:
    """Yields training rows ``factor`` times, the others as they are, tests also in a prompt for tests."""
    one, words = checked(open_dataset(config.path)), wordings()
    for split in one.manifest.splits:
        for example in one.rows(split):
            row = example.model_copy(update={"split": split})
            if split == TRAIN:
                prompts = chosen(example, words.train, config.factor, config.seed)
                yield from (worded(row, prompt) for prompt in prompts)
                continue
            yield row
            if split != DEV:
                [prompt] = chosen(example, words.test, 1, config.seed)
                yield worded(row, prompt).model_copy(update={"split": f"{split}_{OTHER}"})


def _details(config: MultiPromptSource) -> SourceDetails:
    one = open_dataset(config.path)
    splits = {TRAIN: DRAWN[TRAIN], DEV: DRAWN[DEV]}
    for split in one.tests:
        shows = one.manifest.descriptions[split]
        splits |= {
            split: shows,
            f"{split}_{OTHER}": Description(
                zh=f"{shows.zh}；换成训练中没有的提示词", en=f"{shows.en}; in prompts that training never uses"
            ),
        }
    return SourceDetails(licences([one]), splits)


SOURCE = Source(
    config=MultiPromptSource,
    read=read,
    files=lambda config: open_dataset(config.path).files,
    about=Description(
        zh="同一条数据换成多种提示词：角色、礼貌程度、指令位置；答案不变。",
        en="The same rows in several prompts: who answers, how politely it is asked, where the instruction is.",
    ),
    licence="that of the dataset",
    splits={},
    rows_of=rows_of,
    details=_details,
    grounding=lambda config: common_grounding([open_dataset(config.path)]),
)
