"""What can be configured about the service."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from common.command import Config
from domains.domain import DomainName
from models.config import DType

GroundingChoice = Literal["auto", "entries", "none"]


class ServeConfig(Config):
    """How requests are run.

    Attributes:
        max_batch: Most rows that generate together.
        max_wait_ms: How long the first request of a batch waits for others.
        queue_limit: Most requests that wait; further ones are refused with 503.
        max_new_tokens: Default and upper bound of the length of an answer.
        max_body_bytes: Longest body of a request; longer ones are refused with 413.
        content_producer: Name or code of who is responsible for generated text, for the implicit AI label.
    """

    max_batch: int = Field(default=8, ge=1)
    max_wait_ms: float = Field(default=10, ge=0)
    queue_limit: int = Field(default=64, ge=1)
    max_new_tokens: int = Field(default=256, ge=1)
    max_body_bytes: int = Field(default=2**20, ge=1)
    content_producer: str = Field(default="xinglin", min_length=1)


class KnowledgeChoice(Config):
    """The knowledge base to cite.

    Attributes:
        path: Its folder; None for the one that the model was trained on, else the one that ships with the domain.
    """

    path: Path | None = None


class AppConfig(Config):
    """The whole configuration of ``python -m app``.

    Attributes:
        model: A run, its merged model, a model directory, or ``latest``.
        runs_dir: Where ``latest`` looks for runs.
        domain: Whose rules and notices are applied; None for the model's own.
        knowledge: What answers are cited from.
        grounding: Whether the model reads entries of the knowledge base before it answers; ``auto`` is as in training.
        dtype: Type to compute in; ``auto`` is what the run was configured with, else the machine's.
        threads: CPU threads to compute with; null uses the cores that other work leaves free.
    """

    model: str = Field(min_length=1)
    runs_dir: Path = Path("runs")
    domain: DomainName | None = None
    knowledge: KnowledgeChoice = KnowledgeChoice()
    grounding: GroundingChoice = "auto"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    dtype: DType = "auto"
    threads: int | None = Field(default=None, ge=1)
    serve: ServeConfig = ServeConfig()
