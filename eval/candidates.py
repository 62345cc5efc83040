"""From directories to a report: finds a run's base model and dataset, and evaluates the models."""

from pathlib import Path

from loguru import logger

from common.errors import Refused, UserError
from data_recipes.pipeline import build as datasets_of
from eval.config import EvalConfig
from eval.evaluation import Candidate, evaluate_candidates, identity_of_base
from eval.extractive import evaluate_reader
from eval.report.schema import BASE, TUNED, System
from models.artifact import FILE_NAME as ARTIFACT_FILE
from models.artifact import Artifact, LanguageModelArtifact, ReaderArtifact
from models.beside_base import directory_of
from models.config import NO_HINTS, DType, Hints
from models.engines.engine import Engine
from models.engines.local import LocalEngine, load_engine
from models.loading import hash_model, load_model, load_tokenizer
from models.numerics import Numerics, compute_dtype
from models.prompt_format import FILE_NAME as PROMPT_FORMAT_FILE
from models.prompt_format import PromptFormat
from models.run_directory import RunDirectory
from models.threads import THREADS


def evaluate_directories(config: EvalConfig, command: str) -> str:
    """Evaluates what the configuration names and writes the report.

    Args:
        config: The directories and the suite.
        command: The command that reruns this.

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
    metrics_file = RunDirectory.of(config.model).metrics_file
    if isinstance(artifact, ReaderArtifact):
        report = evaluate_reader(config, artifact, dataset, metrics_file, command)
        return f"\n{report.summary()}\n\n报告 report : {config.out / 'index.html'}"
    numerics = compute_dtype(artifact.dtype if artifact and config.dtype == "auto" else config.dtype)
    report = evaluate_candidates(
        _candidates(config, artifact, numerics),
        dataset,
        config.suite,
        config.out,
        metrics_file=metrics_file,
        command=command,
        numerics=numerics,
    )
    return f"\n{report.summary()}\n\n报告 report : {config.out / 'index.html'}"


def _dataset_directory(config: EvalConfig, artifact: Artifact | None) -> Path:
    directory = config.dataset or (Path(artifact.dataset) if artifact else None)
    if directory is None:
        raise UserError("the items to evaluate are unknown", where="dataset", fix="give dataset=DIR of a built dataset")
    if not directory.is_dir():
        raise UserError("the dataset is missing", where=str(directory), fix="build it again, or give dataset=DIR")
    return directory


def _candidates(
    config: EvalConfig, artifact: LanguageModelArtifact | None, numerics: Numerics
) -> dict[System, Candidate]:
    """The base first, then what was tuned from it, then the further models."""
    model = Candidate(lambda: load_engine(config.model, dtype=config.dtype), artifact=artifact)
    result = artifact.directory(config.model) if artifact else config.model
    further = {name: _other(path, result, config) for name, path in config.systems.items()}
    if config.base is not None:
        return {BASE: _other(config.base, result, config), TUNED: model, **further}
    if artifact is None:
        return {BASE: model, **further}
    base = directory_of(artifact.base)
    if base is None:
        logger.warning("the base model is no longer at {}; skipping the comparison with it", artifact.base.path)
        return {TUNED: model, **further}
    if hash_model(base) != artifact.base.sha256:
        raise Refused(f"{base} is not the base model of this run (another SHA-256); give base=PATH")
    return {BASE: _own_base(base, artifact, result, numerics), TUNED: model, **further}


def _own_base(path: Path, artifact: LanguageModelArtifact, result: Path, numerics: Numerics) -> Candidate:
    """The model that a run was tuned from; it does not change, so its answers are cached."""
    name, hints = artifact.base.name, artifact.base.hints
    identity = identity_of_base(artifact, numerics)
    return Candidate(lambda: _plain_engine(path, result, name, numerics, hints), identity)


def _other(path: Path, model: Path, config: EvalConfig) -> Candidate:
    """A model to compare with; where it has no prompt format, that of ``model`` is used.

    Raises:
        UserError: It is missing.
    """
    if not path.is_dir():
        raise UserError("no such directory", where=str(path), fix="give a run or a model directory")
    artifact = Artifact.load(path) if (path / ARTIFACT_FILE).is_file() else None
    return Candidate(lambda: _other_engine(path, model, config.dtype), artifact=artifact)


def _other_engine(path: Path, model: Path, dtype: DType) -> Engine:
    """A model to compare with: with its own prompt format where it has one, else with that of ``model``."""
    if (path / ARTIFACT_FILE).is_file() or (path / PROMPT_FORMAT_FILE).is_file():
        return load_engine(path, dtype=dtype)
    return _plain_engine(path, model, path.name, compute_dtype(dtype))


def _plain_engine(path: Path, model: Path, name: str, numerics: Numerics, hints: Hints = NO_HINTS) -> Engine:
    """A model directory without a prompt format, asked in the format of ``model``."""
    prompt_format = PromptFormat.load(model, load_tokenizer(path, hints))
    return LocalEngine(load_model(path, dtype=numerics.dtype, hints=hints), prompt_format, model_version=name)
