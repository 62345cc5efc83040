"""From what a command names to systems, and to their report."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from loguru import logger

from common.errors import Refused, UserError
from common.files import only_writer
from data_recipes.pipeline import build as datasets_of
from data_recipes.schema.example import Example
from eval.ablation import parts_of
from eval.config import EvalConfig, SystemConfig
from eval.evaluation import Candidate, evaluate_candidates
from eval.exams.exam import read_exam
from eval.extractive import evaluate_reader
from eval.gates.decide import check_gate
from eval.gates.reports import decide_report
from eval.own_items import own_dataset
from eval.report.markdown import gate_told
from eval.report.schema import BASE, OTHER, TUNED, Report, System, subject_of
from eval.suites import select
from eval.systems import base_of_run, logged, plain_engine, plain_model, recorded_server, result_of_run, server
from models.artifact import FILE_NAME as ARTIFACT_FILE
from models.artifact import Artifact, LanguageModelArtifact, ReaderArtifact
from models.beside_base import directory_of
from models.hub import hub_name, locate
from models.loading import hash_model, load_tokenizer
from models.numerics import compute_dtype
from models.prompt_format import PromptFormat
from models.run_directory import RunDirectory
from models.threads import THREADS


def evaluate_directories(config: EvalConfig, command: str) -> str:
    """Evaluates what the configuration names and writes the report.

    Args:
        config: The systems and the suite.
        command: The command that reruns this.

    Returns:
        The printed summary.

    Raises:
        UserError: A system is missing or is something else, the gate has no such metric, or ``out`` cannot be written
            or has a report.
        Refused: The base is not the one that the run was tuned from.
    """
    THREADS.use(config.threads)
    if config.gate:
        check_gate(config.gate)
    with only_writer(config.out):
        _check_out(config)
        report = _evaluated(config, command)
    gate = f"\n\n{gate_told(decide_report(config.out, config.gate))}" if config.gate else ""
    return f"\n{report.summary()}{gate}\n\n报告 report : {config.out / 'index.html'}"


def _check_out(config: EvalConfig) -> None:
    """A directory has one report.

    Raises:
        UserError: It has one already, or has none to score again.
    """
    has_report = (config.out / "report.json").exists()
    if has_report and not config.rescore:
        raise UserError(
            "there is a report in this directory already",
            where=f"out={config.out}",
            fix="give another out=DIR; or rescore=true, which scores the stored answers of this report again",
        )
    if config.rescore and not has_report:
        raise UserError("there is no report to score again", where=f"out={config.out}", fix="remove rescore=true")


def _evaluated(config: EvalConfig, command: str) -> Report:
    logs = _logs(config)  # what is wrong with one shows before any file of a model is read
    exams = [read_exam(config.suite)] if config.suite.exam else []
    own = own_dataset(config.suite) if config.suite.items else None
    path = locate(config.model.path) if config.model and config.model.path else None
    artifact = _artifact(path) if path else None
    if path and isinstance(artifact, ReaderArtifact):
        if config.suite.exam or config.suite.items or config.suite.strategy.name != "zero_shot":
            raise UserError(
                "an extractive reader only marks passages: it takes no exam, no items and no strategy",
                where="suite",
                fix="suite=dataset",
            )
        dataset = datasets_of.load(_dataset_directory(config, [artifact]))
        return evaluate_reader(config, path, artifact, dataset, command)
    trained = _trained(config)
    dataset = exams[0].dataset() if exams else own or datasets_of.load(_dataset_directory(config, trained))
    if not exams:
        select(dataset.splits, config.suite)  # what is wrong with the suite shows before any file of a model is read
    candidates = _candidates(config, logs)
    subject = candidates[subject_of(candidates)]
    return evaluate_candidates(
        candidates,
        dataset,
        config.suite,
        config.out,
        metrics_file=RunDirectory.of(Path(subject.record.origin)).metrics_file if subject.artifact else None,
        command=command,
        rescore=config.rescore,
        exams=exams,
        train=_train(config, trained),
    )


def _logs(config: EvalConfig) -> dict[Path, Candidate]:
    """The systems that are logs of inspect_ai, by their files."""
    paths = [system.log for system in (config.model, config.base, *config.systems.values()) if system and system.log]
    return {path: logged(path) for path in paths}


def _artifact(path: Path) -> Artifact | None:
    """What a directory says about its model; None for a model that this project has not trained."""
    return Artifact.load(path) if (path / ARTIFACT_FILE).is_file() else None


def _trained(config: EvalConfig) -> list[Artifact]:
    """What the systems that this project has trained say about themselves, first the one that the report is about."""
    systems = [config.model, config.base, *config.systems.values()]
    paths = [system.path for system in systems if system and system.path]
    return [artifact for path in paths if (artifact := _artifact(locate(path)))]


def _train(config: EvalConfig, trained: Sequence[Artifact]) -> Sequence[Example] | None:
    """What demonstrations are chosen from where the items come from elsewhere."""
    elsewhere = config.suite.exam is not None or config.suite.items is not None
    if not config.suite.strategy.shots or not elsewhere:
        return None
    return datasets_of.load(_dataset_directory(config, trained)).splits.get("train", [])


def _dataset_directory(config: EvalConfig, trained: Sequence[Artifact]) -> Path:
    """The dataset that is given, else the one that the first of the trained systems was trained on."""
    directory = config.dataset or (Path(trained[0].dataset) if trained else None)
    if directory is None:
        raise UserError("the items to evaluate are unknown", where="dataset", fix="give dataset=DIR of a built dataset")
    if not directory.is_dir():
        raise UserError("the dataset is missing", where=str(directory), fix="build it again, or give dataset=DIR")
    return directory


def _candidates(config: EvalConfig, logs: Mapping[Path, Candidate]) -> dict[System, Candidate]:
    """The systems of a command: what to compare with, then the model, then the further ones."""
    if config.ablation is not None:
        parts = parts_of(config.ablation, stored=config.rescore)
        return {name: _candidate(name, one, config, logs) for name, one in parts.items()}
    if config.model is None:
        return {name: _candidate(name, one, config, logs) for name, one in config.systems.items()}
    alone = config.model.path is None and config.base is None
    model = _candidate(BASE if alone else TUNED, config.model, config, logs)
    tuned = model.artifact if isinstance(model.artifact, LanguageModelArtifact) else None
    written_as = tuned.directory(Path(model.record.origin)) if tuned else None
    further = {name: _candidate(name, one, config, logs, written_as) for name, one in config.systems.items()}
    if tuned and written_as and (base := _own_base(config, tuned, written_as)):
        return {BASE: base, TUNED: model, **further}
    if config.base is not None:
        return {OTHER: _candidate(OTHER, config.base, config, logs, written_as), TUNED: model, **further}
    return {TUNED if tuned else BASE: model, **further}


def _candidate(
    name: System,
    system: SystemConfig,
    config: EvalConfig,
    logs: Mapping[Path, Candidate],
    written_as: Path | None = None,
) -> Candidate:
    """One system; ``written_as`` has the prompt format of a model that has none.

    Raises:
        UserError: There is no such system, or it is an extractive reader or a reward model.
    """
    if system.log is not None:
        return logs[system.log]
    if system.path is None:
        return recorded_server(config.out, name) if config.rescore else server(system, config.out)
    path = locate(system.path)
    artifact = _artifact(path)
    if artifact is None:
        return plain_model(path, hub_name(system.path) or path.name, config.dtype, written_as)
    if not isinstance(artifact, LanguageModelArtifact):
        raise UserError(
            f"this is {artifact.described[1]}: it is not asked questions as the others are",
            where=system.path,
            fix="compare readers with model=READER; how well a reward model rates is in the report of its run",
        )
    return result_of_run(path, artifact, config.dtype)


def _own_base(config: EvalConfig, tuned: LanguageModelArtifact, written_as: Path) -> Candidate | None:
    """What the model was tuned from, where it is to be compared with that and it is there.

    Raises:
        Refused: Another model is there now.
    """
    given = config.base
    path = directory_of(tuned.base) if given is None else locate(given.path) if given.path else None
    if path is None:
        if given is None:
            logger.warning("the base model is no longer at {}; skipping the comparison with it", tuned.base.path)
        return None
    if hash_model(path) != tuned.base.sha256:
        if given is None:
            raise Refused(f"{path} is not the base model of this run (another SHA-256); give base=PATH")
        logger.info("{} is not what the model was tuned from: the report calls it {!r}", path, OTHER)
        return None
    numerics, hints = compute_dtype(tuned.dtype if config.dtype == "auto" else config.dtype), tuned.base.hints
    prompt_format = PromptFormat.load(written_as, load_tokenizer(path, hints))
    return base_of_run(tuned, path, plain_engine(path, prompt_format, tuned.base.name, numerics, hints), numerics)
