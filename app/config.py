"""What can be configured about the service."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from common.command import Config
from domains.domain import DomainName
from models.config import DType, GgufType


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
        engine: What runs the model: ``local`` (transformers, any result) or ``llamacpp`` (llama.cpp, faster on a CPU;
            ordinary models only).
        gguf: Type of the matrices with ``engine=llamacpp``; the file is written into the cache where it is missing.
        dtype: Type to compute in with ``engine=local``; ``auto`` is what the run was configured with, else the
            machine's.
        threads: CPU threads to compute with; null uses the cores that other work leaves free.
    """

    model: str = Field(min_length=1)
    runs_dir: Path = Path("runs")
    domain: DomainName | None = None
    knowledge: KnowledgeChoice = KnowledgeChoice()
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    engine: Literal["local", "llamacpp"] = "local"
    gguf: GgufType = "q8_0"
    dtype: DType = "auto"
    threads: int | None = Field(default=None, ge=1)
    serve: ServeConfig = ServeConfig()

    @model_validator(mode="after")
    def _dtype_is_the_local_engines(self) -> "AppConfig":
        if self.engine == "llamacpp" and self.dtype != "auto":
            raise ValueError("dtype= belongs to engine=local; with engine=llamacpp give gguf=")
        return self
