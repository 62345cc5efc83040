"""Everything that a training run leaves, and where.

```
config.yaml     the resolved configuration
command.txt     the command that started the run, as typed
provenance.json what the run is made from, fixed before its first step: a resume is compared with it
reference.safetensors  how likely the base finds the answers of all pairs, of a stage that compares with it
dropped.jsonl   the examples that were not trained on, and why
selected.json   which step's values are the result, where the dev loss decided (train.keep_best, train.early_stopping)
artifact.json   what the result is: base, dataset, prompt format, merge proof, each with its hash
checkpoints/    everything needed to resume the run bit for bit
samples.jsonl   answers of the model in training, by step: to dev questions, or those it learns from with their rewards
metrics.jsonl   one line per logged step (metrics.csv: the same as a table; tensorboard/: the same for TensorBoard)
not_a_number.json  token ids and losses of the batches that a loss which is not a number was computed from
adapter/        the trained adapter or prefix, with its prompt format
merged/         the merged model, where the method can be merged
whole/          the tuned model, where all weights were tuned
reader/         the encoder that marks answers, of an extractive recipe
reward/         the model that rates answers, of a stage that trains one
report/         index.html, report.json, report.md, items.jsonl
```
"""

import itertools
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from loguru import logger
from pydantic import BaseModel, ValidationError

from common.errors import UserError
from common.files import disk_errors, make_directory, read_json, write_text
from models.artifact import KINDS, SelectedRecord

CONFIG_FILE = "config.yaml"
"""What a run directory has from the start."""


@dataclass(frozen=True)
class RunDirectory:
    """The directory of one run."""

    path: Path

    @classmethod
    def create(cls, runs_dir: Path, name: str, config: BaseModel, command: str = "") -> "RunDirectory":
        """Makes ``<runs_dir>/<name>/<time>`` and writes the resolved configuration and the command into it."""
        run = cls(_new_directory(runs_dir / name / time.strftime("%Y%m%d-%H%M%S")))
        run.write_config(config)
        if command:
            write_text(run.command_file, f"{command}\n")
        return run

    def write_config(self, config: BaseModel) -> None:
        """Writes the resolved configuration."""
        values = config.model_dump(mode="json")
        write_text(self.config_file, yaml.safe_dump(values, allow_unicode=True, sort_keys=False))

    @classmethod
    def of(cls, model: Path) -> "RunDirectory":
        """The run that a model directory belongs to: itself, or the parent of ``merged/``, ``reader/`` and so on."""
        folders = {kind.folder for kind in KINDS}
        return cls(model.parent if model.resolve().name in folders else model)

    @property
    def config_file(self) -> Path:
        """The resolved configuration."""
        return self.path / CONFIG_FILE

    @property
    def provenance_file(self) -> Path:
        """What the run is made from; runs that began before it was recorded have none."""
        return self.path / "provenance.json"

    @property
    def dropped_file(self) -> Path:
        """The examples that were not trained on: a line each, with its split, its id and the reason."""
        return self.path / "dropped.jsonl"

    @property
    def reference_file(self) -> Path:
        """How likely the base finds the answers of all pairs; written before the first step of some losses."""
        return self.path / "reference.safetensors"

    @property
    def selected_file(self) -> Path:
        """Which values of the training are its result; written where the dev loss decided."""
        return self.path / "selected.json"

    @property
    def selected(self) -> SelectedRecord | None:
        """What that file says; None where the dev loss did not decide.

        Raises:
            UserError: The file is damaged.
        """
        if not self.selected_file.is_file():
            return None
        try:
            return SelectedRecord.model_validate(read_json(self.selected_file))
        except ValidationError as error:
            where, fix = str(self.selected_file), "resume with the version that trained the run"
            raise UserError(f"not of this version: {error.errors()[0]['msg']}", where=where, fix=fix) from None

    @property
    def command_file(self) -> Path:
        """The command that started the run; a run that was started from Python has none."""
        return self.path / "command.txt"

    @property
    def command(self) -> str:
        """The command typed to start the run, with every override; empty where unknown."""
        return self.command_file.read_text(encoding="utf-8").rstrip("\n") if self.command_file.is_file() else ""

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints go."""
        return self.path / "checkpoints"

    @property
    def samples_file(self) -> Path:
        """Answers of the model in training, by step; with their rewards, where it learns from them."""
        return self.path / "samples.jsonl"

    @property
    def not_a_number_file(self) -> Path:
        """The batches before a log whose loss is not a number, with their losses."""
        return self.path / "not_a_number.json"

    @property
    def report(self) -> Path:
        """The report."""
        return self.path / "report"

    @property
    def metrics_file(self) -> Path:
        """One line per logged step."""
        return self.path / "metrics.jsonl"


def read_metrics(file: Path) -> list[dict[str, Any]]:
    """The lines of a ``metrics.jsonl``; one that a killed process left half-written is dropped and reported."""
    metrics = []
    for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        try:
            metrics.append(json.loads(line))
        except json.JSONDecodeError:
            logger.warning("{}:{}: the line is cut off or damaged, and is dropped", file, number)
    return metrics


def keep_until(file: Path, step: int) -> None:
    """Drops the lines after a step, which a run resumed from its checkpoint writes again."""
    if file.is_file():
        write_text(file, "".join(_as_line(line) for line in read_metrics(file) if line["step"] <= step))


def append_metrics(file: Path, metrics: Mapping[str, Any]) -> None:
    """Adds a line."""
    with file.open("a", encoding="utf-8") as lines:
        lines.write(_as_line(metrics))


def _as_line(metrics: Mapping[str, Any]) -> str:
    return json.dumps(metrics, ensure_ascii=False) + "\n"


def _new_directory(wanted: Path) -> Path:
    """Makes a directory for this run alone, even if another run starts within the same second."""
    make_directory(wanted.parent)
    for attempt in itertools.count():
        path = wanted.with_name(f"{wanted.name}-{attempt}") if attempt else wanted
        with suppress(FileExistsError), disk_errors(path):
            path.mkdir()
            break
    return path
