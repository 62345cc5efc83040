"""All that a training run leaves, and where.

```
config.yaml     the resolved configuration
command.txt     the command that started the run, as it was typed
artifact.json   what the result is: base, dataset, prompt format, merge proof, each with its hash
checkpoints/    everything needed to continue the run bit for bit
metrics.jsonl   one line per logged step (metrics.csv: the same as a table; tensorboard/: the same for TensorBoard)
adapter/        the trained adapter or prefix, with its prompt format
merged/         the merged model, where the method can be merged
reader/         the encoder that marks answers, of an extractive recipe
report/         index.html, report.json, report.md, items.jsonl
```
"""

import itertools
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from common.errors import UserError
from common.files import disk_errors, make_directory, write_text
from training.config import StageConfig
from training.stages import open_run


@dataclass(frozen=True)
class RunDirectory:
    """The directory of one run."""

    path: Path

    @classmethod
    def create(cls, config: StageConfig, command: str = "") -> "RunDirectory":
        """Makes ``<runs_dir>/<name>/<time>`` and writes the resolved configuration and the command into it."""
        run = cls(_new_directory(config.runs_dir / config.name / time.strftime("%Y%m%d-%H%M%S")))
        write_text(run.config_file, yaml.safe_dump(config.model_dump(mode="json"), allow_unicode=True, sort_keys=False))
        if command:
            write_text(run.command_file, f"{command}\n")
        return run

    @classmethod
    def open(cls, path: Path) -> tuple[StageConfig, "RunDirectory"]:
        """Opens an earlier run to continue it.

        Raises:
            UserError: This is not a run directory.
        """
        run = cls(path)
        if not run.config_file.is_file():
            raise UserError("no run here (config.yaml is missing)", where=str(path), fix="give resume=runs/NAME/TIME")
        return open_run(run.config_file.read_text(encoding="utf-8"), run.config_file), run

    @property
    def config_file(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.yaml"

    @property
    def command_file(self) -> Path:
        """The command that started the run; a run that was started from Python has none."""
        return self.path / "command.txt"

    @property
    def command(self) -> str:
        """What was typed to start the run, with every override; empty where that is not known."""
        return self.command_file.read_text(encoding="utf-8").rstrip("\n") if self.command_file.is_file() else ""

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints go."""
        return self.path / "checkpoints"

    @property
    def adapter(self) -> Path:
        """The trained adapter or prefix."""
        return self.path / "adapter"

    @property
    def merged(self) -> Path:
        """The merged model."""
        return self.path / "merged"

    @property
    def reader(self) -> Path:
        """The encoder that an extractive recipe trains."""
        return self.path / "reader"

    @property
    def report(self) -> Path:
        """The report."""
        return self.path / "report"

    @property
    def metrics_file(self) -> Path:
        """One line per logged step."""
        return self.path / "metrics.jsonl"

    def last_checkpoint(self) -> Path | None:
        """The newest complete checkpoint."""
        found = [path for path in self.checkpoints.glob("checkpoint-*") if path.is_dir()]
        return max(found, key=lambda path: int(path.name.rsplit("-", 1)[1]), default=None)


def _new_directory(wanted: Path) -> Path:
    """Makes a directory of this run's own, also where another run begins within the same second."""
    make_directory(wanted.parent)
    for attempt in itertools.count():
        path = wanted.with_name(f"{wanted.name}-{attempt}") if attempt else wanted
        with suppress(FileExistsError), disk_errors(path):
            path.mkdir()
            break
    return path
