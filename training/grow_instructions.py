"""Grows instructions with a teacher: Self-Instruct from seed tasks to rows that a recipe can train on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from common.command import Config
from common.files import write_json, write_text
from common.hashing import sha256_file
from data_recipes.schema.example import Message
from data_recipes.teacher.self_instruct import SEEDS, Grown, SelfInstructConfig, as_lines, grow, load_seeds
from data_recipes.teacher.teacher import OpenAIConfig, OpenAITeacher, RecordedTeacher, Reply, Request, Teacher
from models.config import DType
from models.engines.engine import Engine, Sampling

TOP_P = 0.9


class LocalConfig(Config):
    """A model on this machine.

    Attributes:
        kind: Selects this teacher.
        path: A run, its ``merged/``, or a model directory with its prompt format.
        dtype: Type to compute in.
    """

    kind: Literal["local"]
    path: Path
    dtype: DType


class CommandConfig(Config):
    """``training/self_instruct.py``."""

    teacher: Annotated[OpenAIConfig | LocalConfig, Field(discriminator="kind")]
    grow: SelfInstructConfig
    out: str = Field(min_length=1)
    threads: int | None = Field(default=None, ge=1)


class EngineTeacher:
    """An engine as a teacher.

    Args:
        engine: The model.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def name(self) -> str:
        """See ``Teacher.name``."""
        return self._engine.model_version

    def answer(self, requests: Sequence[Request]) -> list[Reply]:
        """See ``Teacher.answer``; the requests are one batch."""
        prompts = [[Message(role="user", content=request.prompt)] for request in requests]
        sampling = [_sampling(request) for request in requests]
        done = self._engine.generate(prompts, sampling)
        return [Reply(c.text, c.finish_reason == "length", c.prompt_tokens, c.completion_tokens) for c in done]


def _sampling(request: Request) -> Sampling:
    if not request.temperature:
        return Sampling(max_new_tokens=request.max_tokens)
    return Sampling(request.max_tokens, request.temperature, TOP_P, request.seed)


def run(config: CommandConfig, teacher: Teacher) -> Grown:
    """Grows instructions and writes them with a report.

    Args:
        config: The checked configuration.
        teacher: The teacher.

    Returns:
        What was written.

    Raises:
        UserError: Seeds or record are damaged, or the teacher refuses.
    """
    out = Path(config.out).expanduser()
    seeds_path = Path(config.grow.seeds_path).expanduser() if config.grow.seeds_path else SEEDS
    seeds = load_seeds(seeds_path, config.grow.domain)
    limits = config.grow
    recorded = RecordedTeacher.in_folder(out, teacher, max_requests=limits.max_requests, max_tokens=limits.max_tokens)
    grown = grow(config.grow, seeds, recorded)
    report = _report(config, grown, recorded, sha256_file(seeds_path), len(seeds))
    write_text(out / "generated.jsonl", as_lines(grown.rows))
    write_json(out / "report.json", report)
    write_text(out / "report.md", _markdown(report))
    return grown


def _report(
    config: CommandConfig, grown: Grown, recorded: RecordedTeacher, seeds_sha256: str, seeds: int
) -> dict[str, object]:
    left_out = {reason: grown.rejected[reason] for reason in sorted(grown.rejected)}
    return {
        "teacher": recorded.teacher.name,
        "ended": grown.reached,
        "rows": len(grown.rows),
        "classification_rows": sum(row.classification for row in grown.rows),
        "accepted_instructions": grown.accepted,
        "rejected": left_out,
        "requests": recorded.requests,
        "prompt_tokens": recorded.prompt_tokens,
        "completion_tokens": recorded.completion_tokens,
        "seed_tasks": seeds,
        "seeds_sha256": seeds_sha256,
        "config": config.grow.model_dump(),
    }


def _markdown(report: dict[str, object]) -> str:
    rejected = report["rejected"]
    assert isinstance(rejected, dict)
    plain = {name: value for name, value in report.items() if not isinstance(value, dict)}
    lines = [
        "# Self-Instruct",
        "",
        "| | |",
        "| --- | --- |",
        *(f"| {name} | {value} |" for name, value in plain.items()),
    ]
    lines += ["", "## 剔除 · Dropped", "", "| 原因 · reason | n |", "| --- | --- |"]
    lines += [f"| {reason} | {number} |" for reason, number in rejected.items()]
    note = "没有人核对过这些内容；医学内容须由专业人员审阅。Nobody has checked these rows; medicine needs an expert."
    return "\n".join([*lines, "", note]) + "\n"


def teacher_of(config: OpenAIConfig | LocalConfig) -> Teacher:
    """The teacher that the configuration names, loaded.

    Raises:
        UserError: The model is missing, or the server's key is.
    """
    if isinstance(config, OpenAIConfig):
        return OpenAITeacher(config)
    from models.engines.local import load_engine

    return EngineTeacher(load_engine(config.path, dtype=config.dtype))
