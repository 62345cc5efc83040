"""All that a training run leaves, and where.

```
config.yaml     the resolved configuration
artifact.json   what the result is: base, dataset, prompt format, merge proof, each with its hash
checkpoints/    everything needed to continue the run bit for bit
metrics.jsonl   one line per logged step (metrics.csv: the same as a table; tensorboard/: the same for TensorBoard)
adapter/        the trained adapter or prefix, with its prompt format
merged/         the merged model, where the method can be merged
reader/         the encoder that marks answers, of an extractive recipe
report/         index.html, report.json, report.md, items.jsonl
```
"""

import time
from dataclasses import dataclass
from pathlib import Path

import yaml

from common.errors import UserError
from common.files import write_text
from training.config import StageConfig
from training.stages import open_run


@dataclass(frozen=True)
class RunDirectory:
    """The directory of one run."""

    path: Path

    @classmethod
    def create(cls, config: StageConfig) -> "RunDirectory":
        """Makes ``<runs_dir>/<name>/<time>`` and writes the resolved configuration into it."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        for attempt in range(100):
            path = config.runs_dir / config.name / (stamp if not attempt else f"{stamp}-{attempt}")
            if not path.exists():
                break
        path.mkdir(parents=True)
        run = cls(path)
        write_text(run.config_file, yaml.safe_dump(config.model_dump(mode="json"), allow_unicode=True, sort_keys=False))
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
