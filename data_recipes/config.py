"""The configuration of a dataset: what is read (``source``) and what is made of it (``data``)."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from common.command import Config


class DataConfig(Config):
    """What is made.

    Attributes:
        name: The dataset's name.
        seed: Of every random choice.
        splits: Examples in each split. Without a number for ``train`` it takes all that the others leave.
        max_bad_share: The build stops when a greater share of the rows is empty or useless; duplicates do not count.
    """

    name: str = Field(min_length=1)
    seed: int
    splits: dict[str, PositiveInt]
    max_bad_share: float = Field(ge=0, le=1)


class KnowledgeBaseSource(Config):
    """The project's own knowledge base, or another folder of the same five files.

    Attributes:
        kind: Selects this source.
        path: Folder of the five files; the shipped one where it is null.
        held_out_share: Share of the diseases and drugs that no training text names.
    """

    kind: Literal["knowledge_base"]
    path: str | None
    held_out_share: float = Field(ge=0, lt=1)


class BencaoSource(Config):
    """Instruction rows in JSON lines with ``instruction``, ``input`` and ``output``.

    Attributes:
        kind: Selects this source.
        path: The file.
    """

    kind: Literal["bencao"]
    path: str


class ToyhomSource(Config):
    """Consultations as CSV in GB18030 with ``department``, ``title``, ``ask`` and ``answer``.

    Attributes:
        kind: Selects this source.
        path: The file.
        min_answer: An answer with fewer characters counts as bad.
    """

    kind: Literal["toyhom"]
    path: str
    min_answer: NonNegativeInt


SourceConfig = Annotated[KnowledgeBaseSource | BencaoSource | ToyhomSource, Field(discriminator="kind")]


class BuildConfig(Config):
    """``data_recipes/build.py``: a dataset and the directory it is written to."""

    data: DataConfig
    source: SourceConfig
    out: str
