"""One run from sources to report, of any stage: dataset, memory plan, training, result, evaluation, card, push."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loguru import logger
from transformers import set_seed

from common.errors import Interrupted, Terminated, UserError
from common.files import check_writable, clean_up, write_text
from data_recipes.pipeline import build as datasets_of
from data_recipes.pipeline.build import BuiltDataset
from data_recipes.schema.manifest import MANIFEST
from data_recipes.sources.source import PROJECT_LICENCE
from eval.report.schema import Report, shown_interval
from eval.report.wording import VERDICTS, shown_overlap
from models.artifact import AnyArtifact, BesideBaseArtifact, check_files, result_files
from models.built import is_built_here
from models.card import CARD, CardContent, ScoreRow, write_model_card
from models.gguf_import.unpacking import gguf_of
from models.hub import hub_name, locate
from models.memory import release
from models.push import check_target, push
from models.run_directory import RunDirectory
from training import processes
from training.base import check_base
from training.config import StageConfig
from training.memory_plan import MemoryPlan, check_memory, memory_errors
from training.provenance import Provenance, record_finished
from training.stages import STAGES
from training.stages.job import Job
from training.trainer.checkpoints import refuse_fewer_steps
from training.trainer.trackers import check_installed


def run_chain(config: StageConfig, run: RunDirectory | None = None, command: str = "", base: Path | None = None) -> str:
    """One run from sources to report; what an interrupted run already finished is skipped.

    Args:
        config: The checked configuration.
        run: The run to resume; a new one starts once all checks before training have passed.
        command: The command as typed to start a new run; it is recorded and shown in the report.
        base: Where the base model of a resumed run is now, if it was moved.

    Returns:
        The printed summary.

    Raises:
        UserError: The input cannot be trained on.
        Refused: A resumed run would be continued on something else than it began with.
    """
    started = time.monotonic()
    set_seed(config.seed)
    stage = STAGES[config.stage].job()
    if not stage.in_several_processes:
        processes.refuse(f"stage {config.stage}")
    check_target(config.push, *stage.markers)
    check_writable(run.path if run else config.runs_dir)
    check_installed(config.train.trackers)
    stage.check(config)
    if run is None:
        check_base(config)
    began = Provenance.load(run) if run else None
    if run and processes.is_first():
        clean_up(run.path)
        clean_up(run.checkpoints)
    if began:
        began.refuse_other_config(config)
    with processes.first_before_others():
        logger.info("[1/6] dataset {}", config.data.name)
        dataset = _dataset(config, began)
        logger.info("{}; {}", dataset.manifest.counts.told, dataset.directory)
        dataset.require("train", "dev")
        logger.info("[2/6] base model {}", config.model.name)
        job = stage(config, dataset, locate(str(base)) if base else _recorded_base(config, began))
    if not processes.is_first():
        return _trained_along(job)
    if began:
        began.refuse_other_base(job.base)
        began.refuse_other_adapter(job)
        began.refuse_other_knowledge(job.knowledge)
    logger.info("[3/6] training, {}", job.described)
    run, plan = _trained(job, run, began, command)
    with _resumable(run):
        summary = _finished(job, run, plan)
    logger.info("[6/6] done in {:.0f} s", time.monotonic() - started)
    return summary


def _trained_along(job: Job[Any]) -> str:
    """What a process does that is not the first: its part of the training."""
    job.prepare()
    if place := processes.from_first():
        job.train(RunDirectory(Path(place)))
    processes.leave()
    return ""


def _finished(job: Job[Any], run: RunDirectory, plan: MemoryPlan) -> str:
    """What follows training: the result, its report and card; returns the printed summary."""
    release()
    logger.info("[4/6] result")
    with memory_errors(plan, "merge"):
        artifact = job.finish(run)
    exported = artifact.directory(run.path)
    artifact.save(exported)
    artifact.save(run.path)
    logger.info("[5/6] evaluation")
    release()
    with memory_errors(plan, "evaluation"):
        report = job.evaluate(run, artifact, run.command)
    write_model_card(exported, artifact, _card(job, report), job.base)
    pushed = push(exported, job.config.push, *job.markers)
    record_finished(run)
    return _summary(run, artifact, report, exported, pushed)


@contextmanager
def _resumable(run: RunDirectory) -> Iterator[None]:
    """Says how to go on where the work after training is interrupted.

    Raises:
        Interrupted: Ctrl-C or SIGTERM.
    """
    try:
        yield
    except KeyboardInterrupt as stop:
        number = signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT
        resume = f"python training/run.py resume={run.path}"
        raise Interrupted(f"stopped; what is trained is kept; resume with: {resume}", number) from None


def _dataset(config: StageConfig, began: Provenance | None) -> BuiltDataset:
    """The dataset of the configuration; of a run that is resumed, the one that it began with.

    Raises:
        Refused: That one cannot be had any more.
    """
    if began is None:
        return datasets_of.load(datasets_of.build_or_reuse(config.data, config.source))
    began.refuse_other_sources(datasets_of.source_hashes(config.source))
    recorded = Path(began.dataset.path)
    is_there = (recorded / MANIFEST).is_file()
    dataset = datasets_of.load(recorded if is_there else datasets_of.build_or_reuse(config.data, config.source))
    began.refuse_other_dataset(dataset)
    return dataset


def _recorded_base(config: StageConfig, began: Provenance | None) -> Path | None:
    """Where the base was when the run began; None where it has to be found, built or unpacked again.

    Raises:
        UserError: It was a directory, which is not there any more.
    """
    if began is None:
        return None
    recorded, given = Path(began.base.path), config.model.path
    if recorded.is_dir():
        return recorded
    if given is not None and hub_name(given) is None and gguf_of(Path(given).expanduser()) is None:
        raise UserError(
            "the base model of this run is missing", where=str(recorded), fix="give model.path=DIR, where it is now"
        )
    return None


def _trained(
    job: Job[Any], run: RunDirectory | None, began: Provenance | None, command: str
) -> tuple[RunDirectory, MemoryPlan]:
    """The run with its training done, and its memory plan; what it is made from is recorded before its first step."""
    job.prepare()
    plan = job.plan()
    is_done = began is not None and began.trained is not None and began.trained.reaches(job.config)
    check_memory(plan.after_training if is_done else plan)
    if run is not None and began is None:
        return _trained_without_record(job, run, plan), plan
    if run is None or began is None:
        run, provenance = _started(job, command)
    else:
        provenance = _resumed(job, run, began, is_done)
    logger.info("run directory: {}", run.path)
    processes.from_first("" if is_done else str(run.path))
    if not is_done:
        with memory_errors(plan, "training"):
            job.train(run)
        provenance.with_trained(job.config, result_files(job.trained(run))).save(run)
    processes.leave()
    return run, plan


def _started(job: Job[Any], command: str) -> tuple[RunDirectory, Provenance]:
    """The directory of a new run, with what it is made from."""
    run, provenance = RunDirectory.create(job.config.runs_dir, job.config.name, job.config, command), Provenance.of(job)
    write_text(run.dropped_file, "".join(f"{json.dumps(line)}\n" for line in _dropped(job)))
    provenance.save(run)
    return run, provenance


def _resumed(job: Job[Any], run: RunDirectory, began: Provenance, is_done: bool) -> Provenance:
    """What a resumed run is made from, once everything is known to be as it began; then what may change is recorded.

    Raises:
        UserError: It is to be trained further, and has no checkpoint any more.
        Refused: Something is not as it began, or was not left as training wrote it.
    """
    began.refuse_other_splits(job.trained_on)
    began.warn_of_environment(job.config)
    if is_done and began.trained:
        check_files(job.trained(run), began.trained.files)
    else:
        refuse_fewer_steps(run.checkpoints, job.config.train)
        if began.trained:
            _check_continued(run)
    provenance = began.at(job.base).unfinished(began.trained if is_done else None)
    run.write_config(job.config)
    provenance.save(run)
    return provenance


def _check_continued(run: RunDirectory) -> None:
    """A finished run is trained further from its last checkpoint.

    Raises:
        UserError: It has none any more.
    """
    if not list(run.checkpoints.glob("checkpoint-*")):
        raise UserError(
            "the run has finished, and its checkpoints are gone: it cannot be trained further",
            where=str(run.checkpoints),
            fix="copy the last one back, or start a new run with more epochs",
        )
    logger.info("the run had finished; it is trained further, at the learning rates of the longer schedule")


def _trained_without_record(job: Job[Any], run: RunDirectory, plan: MemoryPlan) -> RunDirectory:
    """The same for a run that began before its provenance was recorded."""
    logger.info("{} began before its provenance was recorded: there is nothing to compare it with", run.path)
    is_done = job.trained(run).is_dir()
    processes.from_first("" if is_done else str(run.path))
    if not is_done:
        with memory_errors(plan, "training"):
            job.train(run)
    processes.leave()
    return run


def _dropped(job: Job[Any]) -> Iterator[dict[str, str]]:
    """The examples that are not trained on, with the reason."""
    for split, by_reason in job.dropped.items():
        for reason, ids in by_reason.items():
            yield from ({"split": split, "id": id, "reason": reason} for id in ids)


def _card(job: Job[Any], report: Report) -> CardContent:
    """What the model card says besides the artefact."""
    config, manifest = job.config, job.dataset.manifest
    rows = [_score_row(report, suite, metric) for suite in report.suites for metric in report.metrics_of(suite)]
    return CardContent(
        dataset=manifest.name,
        dataset_rows=manifest.counts.told,
        dataset_directory=job.dataset.directory,
        about=(manifest.about.zh, manifest.about.en),
        data_licence=manifest.licence,
        project_data=manifest.licence == PROJECT_LICENCE,
        settings=[f"{name}={value}" for name, value in {**job.settings(), "seed": config.seed}.items()],
        systems=list(report.systems),
        scores=rows,
        overlaps={suite: "<br>".join(shown_overlap(record.overlap)) for suite, record in report.suites.items()},
        own_base=config.model.is_built_here or is_built_here(job.base),
        base_hub_name=hub_name(config.model.path),
    )


def _score_row(report: Report, suite: str, metric: str) -> ScoreRow:
    scores, unit = report.scores(suite, metric), report.metrics[metric].unit
    comparison = report.comparison(suite, metric)
    verdict = " ".join(VERDICTS[comparison.verdict]) if comparison else ""
    shown = [shown_interval(scores[system], unit) if system in scores else "–" for system in report.systems]
    *_, last = scores.values()
    return ScoreRow(suite, metric, last.n, shown, verdict)


def _summary(run: RunDirectory, artifact: AnyArtifact, report: Report, exported: Path, pushed: str) -> str:
    why = f"  ({artifact.why_not_merged})" if isinstance(artifact, BesideBaseArtifact) else ""
    return "\n".join(
        [
            "",
            report.summary(),
            "",
            f"报告 report : {run.report / 'index.html'}",
            f"模型 model  : {exported}{why}",
            f"说明 card   : {exported / CARD}",
            f"使用 use    : {artifact.how_to_use(exported)}",
            *([f"推送 push   : {pushed}"] if pushed else []),
        ]
    )
