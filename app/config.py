"""What can be configured about the service, and which model it is given."""

from pathlib import Path

from pydantic import Field

from common.command import Config
from common.errors import UserError
from models.artifact import FILE_NAME as ARTIFACT_FILE
from models.config import DType


class ServeConfig(Config):
    """How requests are run.

    Attributes:
        max_batch: Most rows that generate together.
        max_wait_ms: How long the first request of a batch waits for company.
        queue_limit: Most requests that wait; further ones are refused with 503.
        max_new_tokens: Default and upper bound of the length of an answer.
        content_producer: Name or code of who answers for generated text, for the implicit AI label.
    """

    max_batch: int = Field(default=8, ge=1)
    max_wait_ms: float = Field(default=10, ge=0)
    queue_limit: int = Field(default=64, ge=1)
    max_new_tokens: int = Field(default=256, ge=1)
    content_producer: str = Field(default="xinglin", min_length=1)


class AppConfig(Config):
    """The whole configuration of ``python -m app``.

    Attributes:
        model: A run, its merged model, a model directory, or ``latest``.
        runs_dir: Where ``latest`` looks for runs.
        dtype: Type to compute in; ``auto`` is what the run was configured with, else the machine's.
        threads: Threads that compute on the CPU; null follows the cores that other work leaves free.
    """

    model: str = Field(min_length=1)
    runs_dir: Path = Path("runs")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    dtype: DType = "auto"
    threads: int | None = Field(default=None, ge=1)
    serve: ServeConfig = ServeConfig()


def model_path(config: AppConfig) -> Path:
    """The directory to serve; ``latest`` is the run below ``runs_dir`` that finished last.

    Raises:
        UserError: The directory does not exist, or no run has finished yet.
    """
    if config.model == "latest":
        return _newest_run(config.runs_dir)
    path = Path(config.model)
    if not path.is_dir():
        raise UserError(
            f"no such directory: {path}", where="model", fix="give model=runs/NAME/TIME, a model directory or latest"
        )
    return path


def _newest_run(runs_dir: Path) -> Path:
    finished = list(runs_dir.glob(f"*/*/{ARTIFACT_FILE}"))
    if not finished:
        raise UserError(
            "no run has finished yet", where=str(runs_dir), fix="run make quickstart first, or give model=PATH"
        )
    return max(finished, key=lambda path: path.stat().st_mtime).parent
