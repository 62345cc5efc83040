"""The typed configuration of evaluation: a suite, and the command ``eval/run.py``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from common.command import Config
from models.config import DType


class SuiteConfig(Config):
    """What a model is asked, and how it answers (always greedily).

    Attributes:
        splits: Splits of the dataset to run, or ``all_test``: every split but train and dev.
        max_items: Most items per split, chosen by seed; None runs them all.
        max_new_tokens: Most tokens an answer may have; a longer one is cut and counted as cut.
        batch_size: Conversations answered together.
        seed: Seed of the choice of items, of resampling, and of the random examples that the report shows.
    """

    name: str = Field(min_length=1)
    splits: tuple[str, ...] | Literal["all_test"] = "all_test"
    max_items: int | None = Field(default=None, ge=1)
    max_new_tokens: int = Field(default=160, ge=1)
    batch_size: int = Field(default=48, ge=1)
    seed: int = Field(default=20261123, ge=0)


def _is_free(name: str) -> str:
    if name in ("base", "tuned"):
        raise ValueError(f"give this model with {'base' if name == 'base' else 'model'}=PATH")
    return name


SystemName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,31}$"), AfterValidator(_is_free)]


class EvalConfig(Config):
    """The command ``eval/run.py``.

    Attributes:
        model: A run directory, or any model directory with its prompt format.
        base: Model to compare with; for a run, by default its own base.
        systems: Further models by name, each compared with the base too.
        dataset: Directory of a built dataset; for a run the one it was trained on.
        out: Where the report goes.
        threads: CPU threads to compute with; null uses the cores that other work leaves free.
        dtype: Type to compute in; ``auto`` is what the run was configured with, else the machine's.
    """

    model: Path
    base: Path | None = None
    systems: dict[SystemName, Path] = Field(default_factory=dict)
    dataset: Path | None = None
    out: Path
    dtype: DType = "auto"
    threads: int | None = Field(default=None, ge=1)
    suite: SuiteConfig
