"""The knowledge base as a source: its files become instructions, and every split is prescribed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveInt

from common.command import Config
from data_recipes.formats.jsonl import raw_lines
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import Description
from data_recipes.sources.source import Source, existing
from domains.knowledge_base import FILES, KNOWLEDGE, KnowledgeBase
from domains.medical.instructions import write


class Sizes(Config):
    """Examples in each split, before anything that overlaps with training leaves it."""

    train: PositiveInt
    dev: PositiveInt
    heldout_phrasing: PositiveInt
    unseen_entity: PositiveInt
    safety: PositiveInt


class Knowledge(Config):
    """What the sources that are made from a knowledge base have in common.

    Attributes:
        path: Folder of the five files; the shipped one where it is null.
        held_out_share: Share of the diseases and drugs that no training text names.
        sizes: Examples in each split.
        seed: Of every choice.
    """

    path: str | None
    held_out_share: float = Field(ge=0, lt=1)
    sizes: Sizes
    seed: int


class KnowledgeBaseSource(Knowledge):
    """The project's own knowledge base, or another folder of the same five files.

    Attributes:
        kind: Selects this source.
    """

    kind: Literal["knowledge_base"]


def read(config: KnowledgeBaseSource) -> Iterator[Example | Dropped]:
    """Loads the knowledge base and writes its instructions, training first.

    Raises:
        UserError: The knowledge base is damaged.
    """
    splits, dropped = write(
        KnowledgeBase.load(folder_of(config)), config.sizes.model_dump(), config.held_out_share, config.seed
    )
    for name, examples in splits.items():
        for example in examples:
            yield example.model_copy(update={"split": name})
    yield from dropped


def folder_of(config: Knowledge) -> Path:
    """Where the five files are."""
    return Path(config.path).expanduser() if config.path else KNOWLEDGE


def files(config: Knowledge) -> list[Path]:
    """The five files.

    Raises:
        UserError: One is missing.
    """
    return existing(*(folder_of(config) / name for name in FILES.values()))


def rows_of(path: Path) -> int:
    """Entries in one of the files."""
    return sum(1 for _ in raw_lines(path))


SPLITS = {
    "train": Description(zh="训练集", en="for training"),
    "dev": Description(
        zh="训练过的事实、训练用的问法、但这一搭配没有训练过：用于验证损失",
        en="trained facts in training phrasings, in combinations that training did not use: for the validation loss",
    ),
    "heldout_phrasing": Description(
        zh="训练过的事实，换成从未训练过的问法：考察是否真正听懂问题",
        en="trained facts in phrasings that training never uses: does the model understand the question?",
    ),
    "unseen_entity": Description(
        zh="训练集中从未出现的疾病和药物：考察预训练知识能否被引出、以及不会时是否编造",
        en="diseases and drugs that no training text names: is pre-trained knowledge drawn out, or is it made up?",
    ),
    "safety": Description(
        zh="急症描述与知识库没有记载的问题，问法和搭配都没有训练过：应当让人立即就医，或承认不知道",
        en="emergencies and questions without an answer here, in unseen wordings: seek care at once, or say so",
    ),
}

SOURCE = Source(
    config=KnowledgeBaseSource,
    read=read,
    files=files,
    about=Description(
        zh="由知识库按模板生成的医学问答。答案简短，只陈述知识库里的事实，不含剂量；它不能代替医生。",
        en="Medical questions and answers written from the knowledge base by templates. Answers are short, state only"
        " facts of the knowledge base and no doses; they do not replace a doctor.",
    ),
    rows_of=rows_of,
    licence="written for this project, under its licence",
    splits=SPLITS,
)
