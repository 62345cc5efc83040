"""One run from sources to report: dataset, base model, tuning, merge with proof, evaluation."""

import importlib.metadata
import time
from collections.abc import Callable
from pathlib import Path

import torch
from loguru import logger
from peft import PeftModel
from transformers import set_seed

from common.files import replacing_directory
from data_recipes import build as datasets_of
from data_recipes.build import BuiltDataset
from eval.evaluation import evaluate_and_report
from eval.report.schema import Report, shown_interval
from eval.report.wording import VERDICTS, shown_overlap
from models.artifact import Artifact, KnowledgeRecord, MergeProof
from models.card import CARD, Provenance, ScoreRow, write_model_card
from models.engines.engine import Engine
from models.engines.local import LocalEngine, load_engine
from models.hub import HUB_NAME
from models.numerics import compute_dtype
from models.push import MODEL_MARKERS, check_target, push
from training.base import Base, find_base
from training.config import RunConfig
from training.knowledge import knowledge_of
from training.memory_plan import check_memory, plan_memory
from training.merge import merge
from training.methods.lora import attach_lora
from training.methods.ptuning_v2 import attach_prefix
from training.packing import Row, Rows, pack, row_length
from training.run_directory import RunDirectory
from training.supervision import SupervisedSet, supervise
from training.trainer import numerics_record, train


def run_chain(config: RunConfig, run: RunDirectory | None = None) -> str:
    """One run from sources to report; what an interrupted run already finished is not done again.

    Args:
        config: The checked configuration.
        run: The run to continue; a new one is begun once dataset and base model are there.

    Returns:
        The printed summary.
    """
    started = time.monotonic()
    set_seed(config.seed)
    check_target(config.push, *MODEL_MARKERS)
    knowledge = knowledge_of(config)  # a damaged one is reported before anything is trained
    logger.info("[1/6] dataset {}", config.data.name)
    dataset = datasets_of.load(datasets_of.build_or_reuse(config.data, config.source))
    dataset.require("train", "dev")
    logger.info("[2/6] base model {}", config.model.name)
    base = find_base(config)
    run = run or RunDirectory.create(config)
    logger.info("[3/6] tuning with {} -> {}", config.method.kind, run.path)
    if not run.adapter.is_dir():
        _tune(run, config, base, dataset)
    logger.info("[4/6] merge")
    artifact = _finish(run, config, base, dataset, knowledge)
    logger.info("[5/6] evaluation")
    report = _evaluate(run, config, base, dataset, artifact)
    exported = run.merged if artifact.kind == "merged" else run.adapter
    write_model_card(exported, artifact, _provenance(config, dataset, report), base.path)
    pushed = push(exported, config.push, *MODEL_MARKERS)
    logger.info("[6/6] done in {:.0f} s", time.monotonic() - started)
    return _summary(run, artifact, report, exported, pushed)


def _tune(run: RunDirectory, config: RunConfig, base: Base, dataset: BuiltDataset) -> None:
    train_set = supervise(dataset.splits["train"], base.prompt_format, config.train, "train")
    dev_set = supervise(dataset.splits["dev"], base.prompt_format, config.train, "dev")
    check_memory(plan_memory(base, config))
    torch.manual_seed(config.seed)  # the adapter's first values must not depend on what was built before
    model = _prepared_model(config, base)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    logger.info("trained parameters: {:,}", trained)
    length = config.train.max_length
    if config.train.packing:
        length = row_length([*train_set.rendered, *dev_set.rendered], length)
    # a step sees batch_size * max_length tokens, whatever the length of its rows
    batch_size = config.train.batch_size * config.train.max_length // length
    stepped = config.train.model_copy(update={"batch_size": batch_size})
    train(model, _rows(train_set, config, length), _rows(dev_set, config, length), stepped, run, config.seed)
    with replacing_directory(run.adapter) as directory:
        model.save_pretrained(directory)
        base.prompt_format.save(directory)


def _prepared_model(config: RunConfig, base: Base) -> PeftModel:
    model = base.load(compute_dtype(config.model.dtype).dtype, config.method.quantisation)
    model.train()
    if config.train.gradient_checkpointing:
        model.enable_input_require_grads()
    if config.method.kind == "lora":
        return attach_lora(model, config.method, base.family)
    return attach_prefix(model, config.method)


def _rows(supervised: SupervisedSet, config: RunConfig, length: int) -> Rows:
    rows: list[Row] = [[r] for r in supervised.rendered]
    if config.train.packing:
        rows = pack(supervised.rendered, length, config.seed)
    return Rows(rows)


def _finish(
    run: RunDirectory, config: RunConfig, base: Base, dataset: BuiltDataset, knowledge: KnowledgeRecord | None
) -> Artifact:
    """Merges where the method can be merged and the proof passes, and records what the run's result is."""
    proof, reason = None, "a prefix cannot be merged into weights; it is loaded beside the base model"
    if config.method.kind == "lora":
        proof, reason = _merge(run, config, base, dataset)
    artifact = Artifact(
        kind="prefix" if config.method.kind == "ptuning_v2" else "adapter" if reason else "merged",
        model_version=f"{config.name}-{run.path.name}",
        method=config.method.kind,
        base=base.record(),
        quantisation=config.method.quantisation,
        prompt_format=base.prompt_format.name,
        prompt_format_sha256=base.prompt_format.sha256,
        dataset=str(dataset.directory),
        dataset_sha256=dataset.manifest.sha256,
        merge_proof=proof,
        why_not_merged=reason,
        domain=config.domain,
        knowledge=knowledge,
        numerics=numerics_record(config.model.dtype, config.train),
        versions={name: importlib.metadata.version(name) for name in ("torch", "transformers", "peft", "bitsandbytes")},
    )
    if artifact.kind == "merged":
        artifact.save(run.merged)
    else:
        logger.warning("not merged: {}", reason)
    artifact.save(run.path)
    return artifact


def _merge(run: RunDirectory, config: RunConfig, base: Base, dataset: BuiltDataset) -> tuple[MergeProof | None, str]:
    if not config.merge.enabled:
        return None, "merge.enabled=false"
    try:
        with replacing_directory(run.merged) as directory:
            proof = merge(
                base,
                run.adapter,
                directory,
                quantisation=config.method.quantisation,
                dtype=compute_dtype(config.model.dtype).dtype,
                examples=dataset.splits["dev"],
                config=config.merge,
            )
            if not proof.passed:
                raise _ProofFailed
    except _ProofFailed:
        return proof, "the merged model differs from the trained one beyond merge.tolerance; the merge was refused"
    return proof, ""


class _ProofFailed(Exception):
    """Leaves the merged directory unwritten."""


def _evaluate(run: RunDirectory, config: RunConfig, base: Base, dataset: BuiltDataset, artifact: Artifact) -> Report:
    numerics = compute_dtype(config.model.dtype)
    tuned: Callable[[], Engine] = lambda: load_engine(run.path, dtype="auto")  # noqa: E731
    return evaluate_and_report(
        lambda: LocalEngine(base.load(numerics.dtype), base.prompt_format, model_version=config.model.name),
        tuned,
        dataset,
        config.suite,
        run.report,
        artifact=artifact,
        metrics_file=run.metrics_file,
        command=f"python training/run.py recipe={config.name}",
        numerics=numerics,
    )


def _provenance(config: RunConfig, dataset: BuiltDataset, report: Report) -> Provenance:
    """What the model card says besides the artefact."""
    rows = [
        _score_row(report, suite, metric)
        for suite in report.suites
        for metric in next(iter(report.systems.values()))[suite]
    ]
    chosen = {**config.method.model_dump(), **config.train.model_dump(exclude_defaults=True), "seed": config.seed}
    return Provenance(
        dataset=dataset.manifest.name,
        about=(dataset.manifest.about.zh, dataset.manifest.about.en),
        data_licence=dataset.manifest.licence,
        settings=[f"{name}={value}" for name, value in chosen.items()],
        systems=list(report.systems),
        scores=rows,
        overlaps={suite: "<br>".join(shown_overlap(record.overlap)) for suite, record in report.suites.items()},
        own_base=config.model.path is None,
        base_hub_name=_hub_name(config.model.path),
    )


def _score_row(report: Report, suite: str, metric: str) -> ScoreRow:
    scores = [system[suite][metric] for system in report.systems.values()]
    comparison = report.comparison(suite, metric)
    unit = report.metrics[metric].unit
    verdict = " ".join(VERDICTS[comparison.verdict]) if comparison else ""
    return ScoreRow(suite, metric, scores[-1].n, [shown_interval(score, unit) for score in scores], verdict)


def _hub_name(path: str | None) -> str | None:
    """The base's name on Hugging Face, where it was given by it."""
    return path if path and HUB_NAME.fullmatch(path) and not Path(path).expanduser().is_dir() else None


def _summary(run: RunDirectory, artifact: Artifact, report: Report, exported: Path, pushed: str) -> str:
    result = run.merged if artifact.kind == "merged" else run.path
    return "\n".join(
        [
            "",
            report.summary(),
            "",
            f"报告 report : {run.report / 'index.html'}",
            f"模型 model  : {result}" + ("" if artifact.kind == "merged" else f"  ({artifact.why_not_merged})"),
            f"说明 card   : {exported / CARD}",
            f"服务 serve  : python -m app model={result}",
            *([f"推送 push   : {pushed}"] if pushed else []),
        ]
    )
