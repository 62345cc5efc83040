"""What a stage is: a recipe's kind of training, with its configuration and the work that it does for the chain."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.config import StageConfig
    from training.stages.job import Job


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        name: Name used in recipes; its work is ``training/stages/NAME/job.py``.
        described: What it trains, Chinese and English.
        root: Its root configuration in ``configs/``.
        config: The schema of the whole configuration.
    """

    name: str
    described: tuple[str, str]
    root: str
    config: type[StageConfig]

    def job(self) -> type[Job[Any]]:
        """Its work; the libraries are loaded only when this is accessed, once the configuration is valid."""
        job: type[Job[Any]] = import_module(f"training.stages.{self.name}.job").JOB
        return job
