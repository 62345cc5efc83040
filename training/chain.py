"""One run from sources to report, of any stage: dataset, memory plan, training, result, evaluation, card, push."""

import time
from pathlib import Path
from typing import Any

from loguru import logger
from transformers import set_seed

from data_recipes.pipeline import build as datasets_of
from data_recipes.sources.source import PROJECT_LICENCE
from eval.report.schema import Report, shown_interval
from eval.report.wording import VERDICTS, shown_overlap
from models.artifact import AnyArtifact, BesideBaseArtifact
from models.card import CARD, CardContent, ScoreRow, write_model_card
from models.hub import hub_name
from models.push import check_target, push
from models.run_directory import RunDirectory
from training.config import StageConfig
from training.knowledge import knowledge_of
from training.memory_plan import check_memory
from training.stages import STAGES
from training.stages.job import Job


def run_chain(config: StageConfig, run: RunDirectory | None = None, command: str = "") -> str:
    """One run from sources to report; what an interrupted run already finished is skipped.

    Args:
        config: The checked configuration.
        run: The run to resume; a new one starts once all checks before training have passed.
        command: The command as typed to start a new run; it is recorded and shown in the report.

    Returns:
        The printed summary.
    """
    started = time.monotonic()
    set_seed(config.seed)
    stage = STAGES[config.stage].job()
    check_target(config.push, *stage.markers)
    knowledge_of(config)  # a damaged knowledge base is reported before anything is built
    logger.info("[1/6] dataset {}", config.data.name)
    dataset = datasets_of.load(datasets_of.build_or_reuse(config.data, config.source))
    logger.info("{}; {}", dataset.manifest.counts.told, dataset.directory)
    dataset.require("train", "dev")
    logger.info("[2/6] base model {}", config.model.name)
    job = stage(config, dataset)
    logger.info("[3/6] training, {}", job.described)
    run = _trained(job, run, command)
    logger.info("[4/6] result")
    artifact = job.finish(run)
    exported = artifact.directory(run.path)
    artifact.save(exported)
    artifact.save(run.path)
    logger.info("[5/6] evaluation")
    report = job.evaluate(run, artifact, run.command)
    write_model_card(exported, artifact, _card(job, report), job.base)
    pushed = push(exported, config.push, *stage.markers)
    logger.info("[6/6] done in {:.0f} s", time.monotonic() - started)
    return _summary(run, artifact, report, exported, pushed)


def _trained(job: Job[Any], run: RunDirectory | None, command: str) -> RunDirectory:
    """The run with its training done."""
    if run is not None and job.trained(run).is_dir():
        return run
    check_memory(job.plan())
    job.prepare()
    config = job.config
    run = run or RunDirectory.create(config.runs_dir, config.name, config, command)
    logger.info("run directory: {}", run.path)
    job.train(run)
    return run


def _card(job: Job[Any], report: Report) -> CardContent:
    """What the model card says besides the artefact."""
    config, manifest = job.config, job.dataset.manifest
    rows = [
        _score_row(report, suite, metric)
        for suite in report.suites
        for metric in next(iter(report.systems.values()))[suite]
    ]
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
        own_base=config.model.is_built_here,
        base_hub_name=hub_name(config.model.path),
    )


def _score_row(report: Report, suite: str, metric: str) -> ScoreRow:
    scores = [system[suite][metric] for system in report.systems.values()]
    comparison = report.comparison(suite, metric)
    unit = report.metrics[metric].unit
    verdict = " ".join(VERDICTS[comparison.verdict]) if comparison else ""
    return ScoreRow(suite, metric, scores[-1].n, [shown_interval(score, unit) for score in scores], verdict)


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
