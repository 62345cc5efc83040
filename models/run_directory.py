"""All that a training run leaves, and where.

```
config.yaml     the resolved configuration
artifact.json   what the result is: base, dataset, prompt format, merge proof, each with its hash
checkpoints/    everything needed to continue the run bit for bit
metrics.jsonl   one line per logged step (metrics.csv: the same as a table; tensorboard/: the same for TensorBoard)
adapter/        the trained adapter or prefix, with its prompt format
merged/         the merged model, where the method can be merged
whole/          the tuned model, where all weights were tuned
reader/         the encoder that marks answers, of an extractive recipe
report/         index.html, report.json, report.md, items.jsonl
```
"""

import time
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel

from common.files import write_text
from models.artifact import FILE_NAME as ARTIFACT_FILE
from models.artifact import KINDS


@dataclass(frozen=True)
class RunDirectory:
    """The directory of one run."""

    path: Path

    @classmethod
    def create(cls, runs_dir: Path, name: str, config: BaseModel) -> "RunDirectory":
        """Makes ``<runs_dir>/<name>/<time>`` and writes the resolved configuration into it."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        for attempt in range(100):
            path = runs_dir / name / (stamp if not attempt else f"{stamp}-{attempt}")
            if not path.exists():
                break
        path.mkdir(parents=True)
        run = cls(path)
        write_text(run.config_file, yaml.safe_dump(config.model_dump(mode="json"), allow_unicode=True, sort_keys=False))
        return run

    @classmethod
    def of(cls, model: Path) -> "RunDirectory":
        """The run that a model directory belongs to: itself, or the parent of ``merged/``, ``reader/`` and so on."""
        folders = {kind.folder for kind in KINDS}
        return cls(model.parent if model.resolve().name in folders else model)

    @property
    def config_file(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.yaml"

    @property
    def artifact_file(self) -> Path:
        """What the result is; it is written when the model is finished."""
        return self.path / ARTIFACT_FILE

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints go."""
        return self.path / "checkpoints"

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
