"""What a run is made from, fixed before its first step: configuration, dataset, base. A resume is compared with it."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from loguru import logger
from pydantic import ValidationError

from common.errors import Refused, UserError
from common.files import read_json, write_json
from common.hashing import KNOWN_HASHES, FileStamp, sha256_of_hashes, sha256_value
from data_recipes.pipeline.build import BuiltDataset
from models.artifact import KnowledgeRecord, Record, SplitRecord, result_files
from models.loading import hashes_of_model
from models.numerics import instruction_set
from models.run_directory import RunDirectory
from training.config import StageConfig
from training.resume import is_free
from training.stages import by_dotted_key, migrated
from training.trainer.arguments import training_numerics

if TYPE_CHECKING:
    from training.stages.job import Job


class DatasetUsed(Record):
    """The dataset: where it is, the hash of its examples, and what those follow from."""

    path: str
    sha256: str
    sources: dict[str, str]
    splits: dict[str, int]
    code: str


class FileUsed(Record):
    """A file of the base; ``stamp`` spares hashing it again, and is None where the file had just been written."""

    sha256: str
    stamp: FileStamp | None


class BaseUsed(Record):
    """The base model: where it is, and its files by name."""

    name: str
    path: str
    files: dict[str, FileUsed]

    @property
    def sha256(self) -> str:
        """The hash of all files, as ``models.loading.hash_model`` makes it."""
        return sha256_of_hashes((name, file.sha256) for name, file in self.files.items())


class AdapterUsed(Record):
    """The adapter that training begins with: where it is, and the SHA-256 of its files by name."""

    path: str
    files: dict[str, str]


class Trained(Record):
    """The goal that training has reached, and the SHA-256 of the files that it wrote, by name."""

    epochs: float
    max_steps: int | None
    files: dict[str, str]

    def reaches(self, config: StageConfig) -> bool:
        """Whether a configuration asks for no more."""
        return (self.epochs, self.max_steps) == (config.train.epochs, config.train.max_steps)


class Provenance(Record):
    """``provenance.json`` of a run.

    Attributes:
        format: Version of this file's layout.
        config: The resolved configuration.
        dataset: What is trained on.
        base: What is trained.
        adapter: What training begins with, if that is an earlier adapter.
        knowledge: The knowledge base that answers are checked against, if any.
        splits: What the splits became: tokens and labels.
        environment: Versions of libraries and the types computed in; others are allowed and reported.
        trained: What training wrote; None until it is done.
        finished: Whether the report and the card of what was trained are written, too.
    """

    format: Literal[1] = 1
    config: dict[str, Any]
    dataset: DatasetUsed
    base: BaseUsed
    adapter: AdapterUsed | None = None
    knowledge: KnowledgeRecord | None
    splits: dict[str, SplitRecord]
    environment: dict[str, str]
    trained: Trained | None = None
    finished: bool = False

    @property
    def fingerprint(self) -> str:
        """A hash of everything that the trained weights follow from; checkpoints carry it."""
        contents = {name: split.sha256 for name, split in self.splits.items()}
        begun_with = [self.adapter.files] if self.adapter else []
        return sha256_value([_compared(self.config), self.dataset.sha256, self.base.sha256, contents, *begun_with])

    @classmethod
    def of(cls, job: Job[Any]) -> Provenance:
        """What a prepared job would be trained on."""
        return cls(
            config=job.config.model_dump(mode="json"),
            dataset=used(job.dataset),
            base=base_used(job.config.model.name, job.base),
            adapter=adapter_used(job),
            knowledge=job.knowledge,
            splits=dict(job.trained_on),
            environment=environment(job.config),
        )

    def with_trained(self, config: StageConfig, files: dict[str, str]) -> Provenance:
        """The same once training has reached the goal of a configuration and written these files."""
        trained = Trained(epochs=config.train.epochs, max_steps=config.train.max_steps, files=files)
        return self.model_copy(update={"trained": trained})

    def unfinished(self, trained: Trained | None = None) -> Provenance:
        """The same with everything still to do, but for what is trained."""
        return self.model_copy(update={"trained": trained, "finished": False})

    def at(self, base: Path) -> Provenance:
        """The same with the base model in another directory."""
        return self.model_copy(update={"base": base_used(self.base.name, base)})

    def save(self, run: RunDirectory) -> None:
        """Writes the file into a run's directory."""
        write_json(run.provenance_file, self.model_dump(mode="json"))

    @classmethod
    def load(cls, run: RunDirectory) -> Provenance | None:
        """What a run began with; None where it began before that was recorded.

        Raises:
            UserError: The file is damaged.
        """
        if not run.provenance_file.is_file():
            return None
        try:
            began = cls.model_validate(read_json(run.provenance_file))
        except ValidationError as error:
            raise UserError(
                f"not a provenance of this version: {error.errors()[0]['msg']}",
                where=str(run.provenance_file),
                fix="resume with the version that began the run, or start it again with this one",
            ) from None
        for name, file in began.base.files.items():
            if file.stamp:
                KNOWN_HASHES.remember(Path(began.base.path) / name, file.stamp, file.sha256)
        return began

    def refuse_other_config(self, config: StageConfig) -> None:
        """Refuses to train on with other settings.

        Raises:
            Refused: A key that training depends on has another value.
        """
        began = type(config).model_validate(migrated(self.config))  # keys that are newer than the run get defaults
        before, now = (_compared(one.model_dump(mode="json")) for one in (began, config))
        _refuse("the configuration", _differences(before, now))

    def refuse_other_sources(self, sources: Mapping[str, str]) -> None:
        """Refuses source files with other contents.

        Raises:
            Refused: A file was changed, added or removed.
        """
        _refuse("the source files", _differences(self.dataset.sources, sources))

    def refuse_other_dataset(self, dataset: BuiltDataset) -> None:
        """Refuses other examples.

        Raises:
            Refused: The examples are not those that the run began with.
        """
        if dataset.manifest.sha256 != self.dataset.sha256:
            before, now = (of.model_dump(exclude={"path"}) for of in (self.dataset, used(dataset)))
            _refuse("the dataset", _differences(before, now))

    def refuse_other_base(self, directory: Path) -> None:
        """Refuses another base model.

        Raises:
            Refused: A file of the base has other contents, was added or is missing.
        """
        before = {name: file.sha256 for name, file in self.base.files.items()}
        _refuse(f"the base model {self.base.name} in {directory}", _differences(before, hashes_of_model(directory)))

    def refuse_other_adapter(self, job: Job[Any]) -> None:
        """Refuses to begin with another adapter, wherever it is.

        Raises:
            Refused: A file of it has other contents.
        """
        before, now = (one.files if one else {} for one in (self.adapter, adapter_used(job)))
        _refuse("the adapter that training begins with", _differences(before, now))

    def refuse_other_splits(self, splits: Mapping[str, SplitRecord]) -> None:
        """Refuses other tokens and labels from the same examples, e.g. of a changed prompt format or tokenizer.

        Raises:
            Refused: A split became something else.
        """
        before, now = ({name: split.model_dump() for name, split in of.items()} for of in (self.splits, splits))
        _refuse("what the examples become (prompt format, tokenizer)", _differences(before, now))

    def refuse_other_knowledge(self, knowledge: KnowledgeRecord | None) -> None:
        """Refuses a knowledge base with other contents, wherever it is.

        Raises:
            Refused: Its files were changed.
        """
        before, now = ({"sha256": one.sha256 if one else None} for one in (self.knowledge, knowledge))
        _refuse("the knowledge base", _differences(before, now))

    def warn_of_environment(self, config: StageConfig) -> None:
        """Reports other versions and types: training continues, though not to the same bits."""
        for difference in _differences(self.environment, environment(config)):
            logger.warning("since the run began: {}; it continues, but not bit for bit", difference)


def record_finished(run: RunDirectory) -> None:
    """Records that nothing is left to do in a run."""
    if began := Provenance.load(run):
        began.model_copy(update={"finished": True}).save(run)


def fingerprint_of(run: RunDirectory) -> str:
    """The fingerprint of what a run is made from; empty where that is not recorded."""
    began = Provenance.load(run)
    return began.fingerprint if began else ""


def environment(config: StageConfig) -> dict[str, str]:
    """What the last bits of a result depend on besides its input."""
    versions = {name: importlib.metadata.version(name) for name in ("torch", "transformers", "peft")}
    return versions | {"products": training_numerics(config.train).name, "instructions": instruction_set()}


def used(dataset: BuiltDataset) -> DatasetUsed:
    """What a run records of its dataset."""
    manifest = dataset.manifest
    return DatasetUsed(
        path=str(dataset.directory.resolve()),
        sha256=manifest.sha256,
        sources={file.path: file.sha256 for file in manifest.sources},
        splits=manifest.splits,
        code=manifest.code,
    )


def base_used(name: str, directory: Path) -> BaseUsed:
    """What a run records of its base model; every file is read once."""
    files = {}
    for file, sha256 in hashes_of_model(directory).items():
        stamp = FileStamp.of(directory / file)
        files[file] = FileUsed(sha256=sha256, stamp=stamp if stamp.is_settled else None)
    return BaseUsed(name=name, path=str(directory.resolve()), files=files)


def adapter_used(job: Job[Any]) -> AdapterUsed | None:
    """What a run records of the adapter that it begins with."""
    if job.adapter is None:
        return None
    return AdapterUsed(path=str(job.adapter.directory), files=result_files(job.adapter.directory))


def _compared(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that training depends on, by their dotted keys."""
    return {key: value for key, value in by_dotted_key(values).items() if not is_free(key)}


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """One line per key with another value."""
    one, other = by_dotted_key(before), by_dotted_key(now)
    return [
        f"{name}: {_shown(one.get(name))} -> {_shown(other.get(name))}"
        for name in {**one, **other}
        if one.get(name) != other.get(name)
    ]


def _shown(value: Any) -> str:
    text = "none" if value is None else str(value)
    return f"{text[:12]}…" if len(text) == 64 and set(text) <= set("0123456789abcdef") else text


def _refuse(what: str, differences: list[str]) -> None:
    if differences:
        listed = "".join(f"\n  - {difference}" for difference in differences)
        raise Refused(
            f"since the run began, {what} changed (before -> now):{listed}\n"
            "  -> restore what it began with, or start a new run"
        )
