"""The configuration of a dataset: what to read (``source``) and what to make of it (``data``)."""

from typing import TYPE_CHECKING, Annotated, Literal, Union

from pydantic import Field, PositiveInt

from common.command import Config
from data_recipes.sources import SOURCES
from data_recipes.steps import DEFAULT, STEPS

if TYPE_CHECKING:
    SourceConfig = Config
    StepConfig = Config
else:  # derived from the tables, so that a source or a step is registered in one place
    SourceConfig = Annotated[Union[tuple(s.config for s in SOURCES)], Field(discriminator="kind")]  # noqa: UP007
    StepConfig = Annotated[Union[tuple(s.config for s in STEPS)], Field(discriminator="kind")]  # noqa: UP007


SplitName = Annotated[str, Field(pattern=r"^[A-Za-z]\w*$")]


MACHINE = {"engine", "workers", "ray_address", "protected_sets"}
"""Keys of ``DataConfig`` that differ between machines, not results; protected sets are compared by content."""


class DataConfig(Config):
    """What to make of the source.

    Attributes:
        name: The dataset's name.
        seed: Of every random choice.
        splits: Examples to draw for each split besides ``train``, which keeps the rest. A split that the source
            prescribes is taken as it is.
        max_bad_share: The build stops when a larger share of the rows is damaged or empty; duplicates do not count.
        steps: What is done to the rows, in this order.
        duplicates: What is dropped from a split: the later of two rows with the same ``question``, only of two
            identical rows (``row``), or nothing (``keep``).
        near_duplicates: Near-duplicates are kept on one side of the split (``group``), the later ones are dropped
            (``drop``), or they are not searched for (``keep``).
        near_duplicate_share: Least share of common runs of characters that makes two rows near-duplicates; it is
            estimated, and up to a standard error less counts too.
        on_overlap: Which of two rows is dropped when training shares a question, a run of characters (13, or 60 Latin
            ones) or a near-duplicate with a prescribed split: ``drop_train`` where the test set stays as published.
        protected_sets: What training must not overlap with: all registered sets, or these fingerprint files.
        shard_rows: Rows that are processed and written at a time.
        engine: What runs the steps; the result is the same.
        workers: Processes of the local engine; null is one per core.
        ray_address: The Ray cluster; null starts Ray on this machine.
    """

    name: str = Field(min_length=1)
    seed: int
    splits: dict[SplitName, PositiveInt]
    max_bad_share: float = Field(ge=0, le=1)
    steps: tuple[StepConfig, ...] = DEFAULT
    duplicates: Literal["keep", "row", "question"] = "question"
    near_duplicates: Literal["keep", "group", "drop"] = "group"
    near_duplicate_share: float = Field(0.7, ge=0.5, le=1)
    on_overlap: Literal["drop_train", "drop_test"] = "drop_train"
    protected_sets: Literal["registered"] | tuple[str, ...] = "registered"
    shard_rows: PositiveInt = 50_000
    engine: Literal["local", "ray"] = "local"
    workers: PositiveInt | None = None
    ray_address: str | None = None


class BuildConfig(Config):
    """``data_recipes/build.py``."""

    data: DataConfig
    source: SourceConfig
    out: str = Field(min_length=1)
