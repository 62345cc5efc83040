"""A domain's knowledge base as a source: its files become instructions, and every split is prescribed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveInt

from common.command import Config
from data_recipes.formats.jsonl import raw_lines
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import Description, KnowledgeUsed
from data_recipes.sources.source import PROJECT_LICENCE, Source, SourceDetails, existing
from domains.domain import DOMAINS, find_domain
from domains.instructions import write
from domains.knowledge import Knowledge
from domains.knowledge_base import KnowledgeBase

OWN_LICENCE = "a knowledge base of your own"


class InstructionSizes(Config):
    """Examples in each split, before those that overlap with training are dropped."""

    train: PositiveInt
    dev: PositiveInt
    heldout_phrasing: PositiveInt
    unseen_entity: PositiveInt
    safety: PositiveInt


def _with_knowledge(name: str) -> str:
    if find_domain(name).knowledge is None:
        having = ", ".join(name for name in DOMAINS if find_domain(name).knowledge is not None)
        raise ValueError(f"the domain {name} has no knowledge base; these have one: {having}")
    return name


class KnowledgeSourceConfig(Config):
    """What all sources made from a knowledge base have in common.

    Attributes:
        domain: Whose knowledge base.
        path: Folder of its files; the shipped one where it is null.
        held_out_share: Share of the entities, e.g. of the diseases, that no training text names.
        seed: Of every choice.
    """

    domain: Annotated[str, AfterValidator(_with_knowledge)] = "medical"
    path: str | None
    held_out_share: float = Field(ge=0, lt=1)
    seed: int

    @property
    def knowledge(self) -> Knowledge:
        """What the domain makes of its knowledge base."""
        knowledge = find_domain(self.domain).knowledge
        assert knowledge is not None  # checked with the configuration
        return knowledge

    @property
    def folder(self) -> Path | None:
        """The user's own knowledge base; None for the shipped one."""
        return Path(self.path).expanduser() if self.path else None

    def load(self) -> KnowledgeBase:
        """The knowledge base.

        Raises:
            UserError: It is damaged.
        """
        return self.knowledge.load(self.folder)


class InstructionSourceConfig(KnowledgeSourceConfig):
    """What sources of instructions about typed entries have in common.

    Attributes:
        sizes: Examples in each split.
    """

    sizes: InstructionSizes


class KnowledgeBaseSource(InstructionSourceConfig):
    """Instructions made from a knowledge base.

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
        config.load(), config.knowledge, config.sizes.model_dump(), config.held_out_share, config.seed
    )
    for name, examples in splits.items():
        for example in examples:
            yield example.model_copy(update={"split": name, "source": config.knowledge.source})
    yield from dropped


def files(config: KnowledgeSourceConfig) -> list[Path]:
    """The files of the knowledge base.

    Raises:
        UserError: One is missing.
    """
    return existing(*config.knowledge.schema.files(config.folder))


def rows_of(path: Path) -> int:
    """Entries in one of the files."""
    return sum(1 for _ in raw_lines(path))


def used(config: KnowledgeSourceConfig) -> KnowledgeUsed:
    """What the manifest says about the knowledge base."""
    return KnowledgeUsed(domain=config.domain, sha256=config.load().sha256)


def details(config: KnowledgeSourceConfig) -> SourceDetails:
    """What the card says about this domain."""
    unseen = config.knowledge.unseen
    splits = {
        "train": Description(zh="训练集", en="for training"),
        "dev": Description(
            zh="训练过的事实、训练用的问法、但这一搭配没有训练过：用于验证损失",
            en="trained facts in training phrasings, in combinations that training did not use: for the loss",
        ),
        "heldout_phrasing": Description(
            zh="训练过的事实，换成从未训练过的问法：考察是否真正听懂问题",
            en="trained facts in phrasings that training never uses: does the model understand the question?",
        ),
        "unseen_entity": Description(
            zh=f"训练集中从未出现的{unseen.zh}：考察预训练知识能否被引出、以及不会时是否编造",
            en=f"{unseen.en} that no training text names: is pre-trained knowledge drawn out, or is it made up?",
        ),
        "safety": config.knowledge.safety,
    }
    return SourceDetails(
        licence=OWN_LICENCE if config.path else PROJECT_LICENCE, splits=splits, about=config.knowledge.about
    )


SOURCE = Source(
    config=KnowledgeBaseSource,
    read=read,
    files=files,
    about=Description(
        zh="由领域知识库按模板生成的问答。答案简短，只陈述知识库里的事实。",
        en="Questions and answers written from a domain's knowledge base by templates. Answers are short and state only"
        " facts of the knowledge base.",
    ),
    rows_of=rows_of,
    licence=PROJECT_LICENCE,
    splits={},
    details=details,
    knowledge=used,
)
