"""From directories to a report: finds a run's base model and dataset, and evaluates the models."""

from pathlib import Path
from typing import Any

from loguru import logger

from common.errors import Refused, UserError
from data_recipes import build as datasets_of
from eval.config import EvalConfig
from eval.evaluation import Candidate, evaluate_candidates
from eval.extractive import evaluate_reader
from eval.report.schema import BASE, TUNED, System
from models.artifact import FILE_NAME as ARTIFACT_FILE
from models.artifact import Artifact
from models.config import DType
from models.engines.engine import Engine
from models.engines.local import LocalEngine, load_engine
from models.loading import hash_model, load_model, load_tokenizer
from models.numerics import Numerics, compute_dtype
from models.prompt_format import FILE_NAME as PROMPT_FORMAT_FILE
from models.prompt_format import PromptFormat
from models.threads import THREADS


def evaluate_directories(config: EvalConfig, command: str) -> str:
    """Evaluates what the configuration names and writes the report.

    Args:
        config: The directories and the suite.
        command: What reruns this.

    Returns:
        The printed summary.

    Raises:
        UserError: A directory is missing or holds something else.
        Refused: The base is not the one that the run was tuned from.
    """
    THREADS.use(config.threads)
    if not config.model.is_dir():
        raise UserError("no such directory", where=f"model={config.model}", fix="give a run or a model directory")
    if config.out.exists() and not config.out.is_dir():
        raise UserError("this is a file, not a directory", where=f"out={config.out}", fix="give another out=DIR")
    artifact = Artifact.load(config.model) if (config.model / ARTIFACT_FILE).is_file() else None
    dataset = datasets_of.load(_dataset_directory(config, artifact))
    if artifact is not None and artifact.kind == "reader":
        report = evaluate_reader(config, artifact, dataset, _run_directory(config.model) / "metrics.jsonl", command)
        return f"\n{report.summary()}\n\n报告 report : {config.out / 'index.html'}"
    numerics = compute_dtype(artifact.dtype if artifact and config.dtype == "auto" else config.dtype)
    report = evaluate_candidates(
        _candidates(config, artifact, numerics),
        dataset,
        config.suite,
        config.out,
        metrics_file=_run_directory(config.model) / "metrics.jsonl",
        command=command,
        numerics=numerics,
    )
    return f"\n{report.summary()}\n\n报告 report : {config.out / 'index.html'}"


def _run_directory(model: Path) -> Path:
    """The run that a model directory belongs to: itself, or the parent of ``merged/`` and ``reader/``."""
    return model.parent if model.resolve().name in ("merged", "reader") else model


def _dataset_directory(config: EvalConfig, artifact: Artifact | None) -> Path:
    directory = config.dataset or (Path(artifact.dataset) if artifact else None)
    if directory is None:
        raise UserError("it is unknown which items to ask", where="dataset", fix="give dataset=DIR of a built dataset")
    if not directory.is_dir():
        raise UserError("the dataset is not there", where=str(directory), fix="build it again, or give dataset=DIR")
    return directory


def _candidates(config: EvalConfig, artifact: Artifact | None, numerics: Numerics) -> dict[System, Candidate]:
    """The base first, then what was tuned from it, then the further models."""
    model = Candidate(lambda: load_engine(config.model, dtype=config.dtype), artifact=artifact)
    further = {name: _other(path, config) for name, path in config.systems.items()}
    if config.base is not None:
        return {BASE: _other(config.base, config), TUNED: model, **further}
    if artifact is None:
        return {BASE: model, **further}
    base = Path(artifact.base.path)
    if not base.is_dir():
        logger.warning("the base model is no longer at {}; nothing is compared with it", base)
        return {TUNED: model, **further}
    if hash_model(base) != artifact.base.sha256:
        raise Refused(f"{base} is not the base model of this run (another SHA-256); give base=PATH")
    return {BASE: _own_base(base, artifact, config, numerics), TUNED: model, **further}


def _own_base(path: Path, artifact: Artifact, config: EvalConfig, numerics: Numerics) -> Candidate:
    """The model that a run was tuned from; it does not change, so its answers are cached."""
    name, hints = artifact.base.name, artifact.base.hints()
    identity = (artifact.base.sha256, artifact.prompt_format_sha256, numerics.name)
    return Candidate(lambda: _plain_engine(path, config.model, name, numerics, **hints), identity)


def _other(path: Path, config: EvalConfig) -> Candidate:
    """A model to compare with.

    Raises:
        UserError: It is not there.
    """
    if not path.is_dir():
        raise UserError("no such directory", where=str(path), fix="give a run or a model directory")
    artifact = Artifact.load(path) if (path / ARTIFACT_FILE).is_file() else None
    return Candidate(lambda: _other_engine(path, config.model, config.dtype), artifact=artifact)


def _other_engine(path: Path, model: Path, dtype: DType) -> Engine:
    """A model to compare with: with its own prompt format where it has one, else with that of ``model``."""
    if (path / ARTIFACT_FILE).is_file() or (path / PROMPT_FORMAT_FILE).is_file():
        return load_engine(path, dtype=dtype)
    return _plain_engine(path, model, path.name, compute_dtype(dtype))


def _plain_engine(path: Path, model: Path, name: str, numerics: Numerics, **hints: Any) -> Engine:
    """A model directory without a prompt format, asked in the format of ``model``."""
    directory = next(d for d in (model, model / "merged", model / "adapter") if (d / PROMPT_FORMAT_FILE).is_file())
    prompt_format = PromptFormat.load(directory, load_tokenizer(path, **hints))
    return LocalEngine(load_model(path, dtype=numerics.dtype, **hints), prompt_format, model_version=name)
