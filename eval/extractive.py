"""Evaluates readers: every question of the test splits is answered from its passage, and the report is written."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from common.errors import UserError
from common.hashing import sha256_of_hashes
from data_recipes.pipeline.build import BuiltDataset
from data_recipes.schema.example import Example
from eval.answers import ModelAnswer, Session, SystemRecord, SystemResult
from eval.config import EvalConfig, SuiteConfig, SystemConfig
from eval.evaluation import session_of
from eval.judges.squad_zh_en.judge import score_of
from eval.report.assemble import assemble
from eval.report.schema import BASE, TUNED, Report, System
from eval.report.write import write_report
from eval.significance import Array
from eval.suites import select
from models.artifact import Artifact
from models.hub import locate
from models.reader import Reader, Reading
from models.reader_config import ReadingConfig
from models.run_directory import RunDirectory

NO_ANSWER = "Not mentioned."  # the judge knows it; an empty text would look like a failed model
SILENT = "no-answer baseline"


class Threshold(NamedTuple):
    """The margin above which a reader answers, and its scores on the questions it was chosen on."""

    margin: float
    f1: float
    exact: float


def readings(reader: Reader, examples: Sequence[Example], batch_size: int) -> list[Reading]:
    """The answers a reader marks in the passages of some examples."""
    passages = [example.passage for example in examples]
    pairs = [(passage.question, passage.context) for passage in passages if passage]
    assert len(pairs) == len(examples)
    return list(tqdm(reader.read(pairs, batch_size), total=len(pairs), desc="reading", unit="item"))


def choose_threshold(found: Sequence[Reading], examples: Sequence[Example]) -> Threshold:
    """The margin that gives the best F1; of several such margins the smallest.

    Args:
        found: Readings of a reader that always answers.
        examples: What was asked; dev, never test.
    """
    said = _scores([reading.text for reading in found], examples)
    unsaid = _scores([""] * len(examples), examples)
    margins = np.array([reading.margin for reading in found])
    candidates = np.concatenate([[margins.min() - 1.0], np.unique(margins)])
    totals = [np.where((margins > margin)[:, None], said, unsaid).mean(axis=0) for margin in candidates]
    best = max(range(len(candidates)), key=lambda i: (totals[i][0], -i))
    return Threshold(float(candidates[best]), float(totals[best][0]), float(totals[best][1]))


def _scores(answers: Sequence[str], examples: Sequence[Example]) -> Array:
    scores = [score_of(example, answer) for example, answer in zip(examples, answers, strict=True)]
    return np.array([(score.f1, score.exact) for score in scores])


def read_suites(reader: Reader, suites: Mapping[str, Sequence[Example]], batch_size: int, version: str) -> SystemResult:
    """Answers every item from its passage."""
    answers = {
        name: tuple(
            ModelAnswer(text=reading.text or NO_ANSWER, margin=reading.margin, span=_span(example, reading))
            for example, reading in zip(examples, readings(reader, examples, batch_size), strict=True)
        )
        for name, examples in suites.items()
    }
    return SystemResult(model_version=version, answers=answers)


def _span(example: Example, reading: Reading) -> str:
    """The best span, whether or not it is the answer."""
    assert example.passage is not None
    return example.passage.context[reading.start : reading.end]


def silent(suites: Mapping[str, Sequence[Example]]) -> SystemResult:
    """The system to beat: it always says that there is no answer."""
    answers = {name: tuple(ModelAnswer(text=NO_ANSWER) for _ in examples) for name, examples in suites.items()}
    return SystemResult(model_version=SILENT, answers=answers)


def evaluate_reader(config: EvalConfig, model: Path, artifact: Artifact, dataset: BuiltDataset, command: str) -> Report:
    """Evaluates the reader of a run against the baseline that never answers.

    Args:
        config: Further readers, the suite and where the report goes.
        model: The run, or its ``reader/``.
        artifact: The record of the reader.
        dataset: Where the items come from.
        command: The command that reruns this.

    Raises:
        UserError: What is given to compare with is no reader, or an item has no passage.
    """
    if config.rescore:
        fix = "evaluate it again into another out=DIR"
        raise UserError("the answers of readers are not stored: they take seconds", where="rescore", fix=fix)
    if config.base is not None:
        raise UserError("a reader is compared with the baseline that never answers", where="base", fix="remove it")
    paths: dict[System, Path] = {TUNED: model, **{name: _path_of(one) for name, one in config.systems.items()}}
    artifacts = {system: Artifact.load(path) for system, path in paths.items()}
    readers = {system: _reader_of(path) for system, path in paths.items()}
    suites = select(dataset.splits, config.suite)
    if any(example.passage is None for examples in suites.values() for example in examples):
        raise UserError("items without a passage", where="dataset", fix="give dataset=DIR of an extractive dataset")
    results = {
        system: read_suites(reader, suites, config.suite.batch_size, artifacts[system].model_version)
        for system, reader in readers.items()
    }
    return report_on(
        {BASE: silent(suites), **results},
        suites,
        dataset,
        config.suite,
        readers[TUNED].config,
        config.out,
        artifacts=artifacts,
        metrics_file=RunDirectory.of(model).metrics_file,
        command=command,
    )


def _path_of(system: SystemConfig) -> Path:
    if system.path is None:
        raise UserError("a reader is compared with readers", where=str(system), fix="give a run or its reader/")
    return locate(system.path)


def _reader_of(model: Path) -> Reader:
    """The reader of a run, or of its ``reader/``."""
    return Reader.load(Artifact.load(model).directory(model))


def report_on(
    results: Mapping[System, SystemResult],
    suites: Mapping[str, Sequence[Example]],
    dataset: BuiltDataset,
    config: SuiteConfig,
    reading: ReadingConfig,
    out: Path,
    *,
    artifacts: Mapping[System, Artifact],
    metrics_file: Path,
    command: str,
) -> Report:
    """Measures, compares and writes the report.

    Args:
        results: The answers of each system.
        suites: The items of each suite, in the order of the answers.
        dataset: Where the items come from.
        config: The suite.
        reading: How the tuned reader reads.
        out: Where ``index.html``, ``report.json``, ``report.md`` and ``items.jsonl`` go.
        artifacts: The records of the tuned readers.
        metrics_file: ``metrics.jsonl`` of its training.
        command: The command that reruns this.
    """
    session = session_of(command)
    recorded = {
        system: result.model_copy(update={"record": _record(artifacts[system], session)})
        if system in artifacts
        else result
        for system, result in results.items()
    }
    report, items = assemble(
        recorded,
        suites,
        dataset,
        config,
        artifacts=artifacts,
        metrics_file=metrics_file,
        dtype="float32",
        command=command,
    )
    decoding = {name: str(value) for name, value in {"search": "best span", **reading.model_dump()}.items()}
    report = report.model_copy(update={"provenance": report.provenance.model_copy(update={"decoding": decoding})})
    write_report(report, items, out)
    return report


def _record(artifact: Artifact, session: Session) -> SystemRecord:
    """What a tuned reader is; ``sha256`` is empty for one from before its files were recorded."""
    return SystemRecord(
        name=artifact.model_version,
        kind=artifact.kind,
        origin="",
        sha256=sha256_of_hashes(artifact.files.items()) if artifact.files else "",
        tuned_from=artifact.base.name,
        tuned_from_sha256=artifact.base.sha256,
        dtype="float32",
        sessions=(session,),
    )
