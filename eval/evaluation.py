"""Evaluates models on a suite and writes the report."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch
from loguru import logger
from pydantic import ValidationError

from common.errors import Refused, UserError
from common.files import cache_dir, read_json, write_text
from common.hashing import sha256_value
from data_recipes.pipeline.build import BuiltDataset
from eval.answers import SystemResult
from eval.config import SuiteConfig
from eval.report.assemble import Suites, assemble
from eval.report.schema import BASE, TUNED, Report, System
from eval.report.write import write_report
from eval.suites import evaluate_system, select
from models.artifact import Artifact, LanguageModelArtifact
from models.beside_base import directory_of
from models.engines.engine import Engine
from models.memory import release
from models.numerics import Numerics
from models.recommended import Recommended


@dataclass(frozen=True)
class Candidate:
    """A model to evaluate.

    Attributes:
        load: Loads it; called only when needed, and not at all when its answers are cached.
        identity: Hashes of everything that determines its answers to an item; None: its answers are not cached.
        artifact: Its record, where it was tuned.
    """

    load: Callable[[], Engine]
    identity: tuple[str, ...] | None = None
    artifact: Artifact | None = None


def evaluate_and_report(
    base: Callable[[], Engine],
    tuned: Callable[[], Engine],
    dataset: BuiltDataset,
    config: SuiteConfig,
    out: Path,
    *,
    artifact: LanguageModelArtifact | None,
    metrics_file: Path | None,
    command: str,
    numerics: Numerics,
) -> Report:
    """Evaluates a base and a tuned model one after another and writes the report.

    The base model does not change between runs: its answers are cached and reused while the hashes of the model, the
    prompt format, the items and the decoding settings stay the same.

    Args:
        base: Loads the base model.
        tuned: Loads the tuned model.
        dataset: Where the items come from.
        config: The suite.
        out: Where ``index.html``, ``report.json``, ``report.md`` and ``items.jsonl`` go.
        artifact: The record of the tuned model.
        metrics_file: ``metrics.jsonl`` of its training.
        command: The command that reruns this.
        numerics: Type that the models compute in.

    Returns:
        The report.

    Raises:
        UserError: The suite selects nothing, or ``out`` cannot be written.
    """
    identity = identity_of_base(artifact, numerics) if artifact else None
    return evaluate_candidates(
        {BASE: Candidate(base, identity), TUNED: Candidate(tuned, artifact=artifact)},
        dataset,
        config,
        out,
        metrics_file=metrics_file,
        command=command,
        numerics=numerics,
    )


def identity_of_base(artifact: LanguageModelArtifact, numerics: Numerics) -> tuple[str, ...]:
    """Everything that determines the answers of the base that a model was tuned from."""
    base = directory_of(artifact.base)
    stops = Recommended.by(base).stop_ids if base else ()  # no part of the base's hash
    return (artifact.base.sha256, artifact.prompt_format_sha256, numerics.name, *map(str, stops))


def evaluate_candidates(
    candidates: Mapping[System, Candidate],
    dataset: BuiltDataset,
    config: SuiteConfig,
    out: Path,
    *,
    metrics_file: Path | None,
    command: str,
    numerics: Numerics,
) -> Report:
    """``evaluate_and_report`` for any number of models.

    Args:
        candidates: The models by name. Each is compared with the first; the report is about ``tuned``, or about the
            first where there is none.
        dataset: Where the items come from.
        config: The suite.
        out: Where the files go.
        metrics_file: ``metrics.jsonl`` of the training of the model that the report is about.
        command: The command that reruns this.
        numerics: Type that the models compute in.

    Raises:
        Refused: The items give entries in another form than a model was trained with.
    """
    for system, candidate in candidates.items():
        _check_grounding(system, candidate.artifact, dataset)
    suites = select(dataset.splits, config)
    results = {system: _result(candidate, suites, config) for system, candidate in candidates.items()}
    report, items = assemble(
        results,
        suites,
        dataset,
        config,
        artifacts={system: candidate.artifact for system, candidate in candidates.items() if candidate.artifact},
        metrics_file=metrics_file,
        dtype=str(numerics),
        command=command,
    )
    write_report(report, items, out)
    return report


def _check_grounding(system: System, artifact: Artifact | None, dataset: BuiltDataset) -> None:
    """Entries are asked about as they were trained; a model may also be asked without any."""
    trained = artifact.grounding if isinstance(artifact, LanguageModelArtifact) else None
    asked = dataset.manifest.grounding
    if trained and asked and trained.kind == asked.kind == "entries" and trained.sha256 != asked.sha256:
        raise Refused(
            f"{system} was trained with the entries in its prompts written as {trained.template} "
            f"({trained.sha256[:12]}…), and {dataset.directory} has them as {asked.template} ({asked.sha256[:12]}…); "
            "give a dataset that was built by the version of Xinglin that trained it"
        )


def _result(candidate: Candidate, suites: Suites, config: SuiteConfig) -> SystemResult:
    if candidate.identity is None:
        return _evaluate(candidate, suites, config)
    cached = cache_dir() / "scores" / f"{_key(candidate.identity, suites, config)}.json"
    if cached.is_file():
        with suppress(ValidationError):  # of an earlier version: answered again
            result = SystemResult.model_validate(read_json(cached))
            logger.info("base model: reusing the answers of an earlier run ({})", cached)
            return result
    result = _evaluate(candidate, suites, config)
    try:
        write_text(cached, result.model_dump_json())
    except UserError as error:  # the answers themselves are fine
        logger.warning("the answers of the base are not kept for the next run: {}", error)
    return result


def _evaluate(candidate: Candidate, suites: Suites, config: SuiteConfig) -> SystemResult:
    engine = candidate.load()
    try:
        return evaluate_system(engine, suites, config)
    finally:
        del engine  # two models may not fit into memory together
        release()


def _key(identity: tuple[str, ...], suites: Suites, config: SuiteConfig) -> str:
    """Everything that determines the answers; scores are always recomputed from them."""
    items = {suite: [example.model_dump() for example in examples] for suite, examples in suites.items()}
    libraries = [version(name) for name in ("torch", "transformers")]
    decoding = [config.max_new_tokens, config.batch_size, torch.cuda.is_available()]
    return sha256_value([identity, items, libraries, decoding])[:32]
