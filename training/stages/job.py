"""What the chain asks of a stage, in this order."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from data_recipes.pipeline.build import BuiltDataset
from eval.own_items import read_items
from eval.report.schema import Report
from eval.suites import select
from models.artifact import AnyArtifact, SplitRecord
from models.run_directory import RunDirectory
from training.config import StageConfig
from training.knowledge import knowledge_of
from training.memory_plan import MemoryPlan

if TYPE_CHECKING:
    from training.earlier_adapter import EarlierAdapter

C = TypeVar("C", bound=StageConfig)


class Job(ABC, Generic[C]):
    """The work of one run. Creating it finds the base model, or builds it.

    Args:
        config: The checked configuration.
        dataset: What is trained and evaluated on.
        base: Directory of the base model, where a run that is resumed already has one.

    Attributes:
        in_several_processes: Whether ``train`` may be called in each of several processes, which share every batch.
        markers: Files of which an exported directory has one; they identify an earlier push.
        base: Directory of the base model.
        adapter: What training begins with, where that is an earlier adapter.
        knowledge: The knowledge base to check the result's answers against.
        trained_on: What the splits become; known once the job is prepared.
        dropped: Ids of the examples that are not trained on, by split and reason; known as early.
    """

    markers: ClassVar[tuple[str, ...]]
    in_several_processes: ClassVar[bool] = False
    base: Path
    adapter: "EarlierAdapter | None" = None
    trained_on: Mapping[str, SplitRecord]
    dropped: Mapping[str, Mapping[str, Sequence[str]]]

    def __init__(self, config: C, dataset: BuiltDataset, base: Path | None = None) -> None:
        if config.suite.exam is None:
            select(dataset.splits, config.suite)  # what is wrong with the suite shows before the base is built
        self.config, self.dataset = config, dataset
        self.knowledge = knowledge_of(config)

    @classmethod
    def check(cls, config: C) -> None:
        """Checks what the configuration names, before anything is built.

        Raises:
            UserError: The knowledge base or an item of the suite is damaged, or something is missing.
            Refused: What training would begin with does not fit.
        """
        knowledge_of(config)
        if config.suite.items is not None:
            read_items(config.suite)

    @property
    @abstractmethod
    def described(self) -> str:
        """What is done to the base, in a few words."""

    @abstractmethod
    def prepare(self) -> None:
        """Makes what is trained on. All checks that may refuse the run happen here, before there is a run directory.

        Raises:
            UserError: Data or base cannot be trained on.
        """

    @abstractmethod
    def plan(self) -> MemoryPlan:
        """What the phases of the run need, from shapes alone, for the longest of what was prepared."""

    @abstractmethod
    def trained(self, run: RunDirectory) -> Path:
        """The directory that is complete once training is done."""

    @abstractmethod
    def train(self, run: RunDirectory) -> None:
        """Trains, from the run's newest checkpoint if it has one, and writes ``trained``."""

    @abstractmethod
    def finish(self, run: RunDirectory) -> AnyArtifact:
        """Makes the result from what was trained, and its record."""

    @abstractmethod
    def evaluate(self, run: RunDirectory, artifact: AnyArtifact, command: str) -> Report:
        """Evaluates base and result, and writes the report."""

    @abstractmethod
    def settings(self) -> dict[str, object]:
        """The settings that the model card shows."""
