"""One run from reviews to report: dataset, encoder, training, no-answer threshold, evaluation, push."""

import importlib.metadata
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from loguru import logger
from transformers import AutoModelForQuestionAnswering, AutoTokenizer, PreTrainedModel, set_seed

from common.errors import UserError
from common.files import read_json, replacing_directory
from data_recipes import build as datasets_of
from data_recipes.build import BuiltDataset
from data_recipes.schema.example import Example
from eval.answers import SystemResult
from eval.extractive import choose_threshold, read_suites, readings, report_on, silent
from eval.report.schema import Report
from eval.suites import select
from models import encoder
from models.artifact import Artifact, BaseRecord, KnowledgeRecord, how_to_read
from models.hub import locate
from models.loading import hash_model
from models.push import check_target, push
from models.reader import FILE_NAME, Reader, save_reading
from training.extractive.config import ExtractiveRunConfig
from training.extractive.trainer import train
from training.extractive.windows import LabelledWindows, label
from training.knowledge import knowledge_of
from training.run_directory import RunDirectory
from training.trainer import numerics_record

HEAD = "qa_outputs."  # the weights that mark the answer; an encoder comes without them
ALWAYS = float("-inf")  # threshold of a reader that always answers


def run_chain(config: ExtractiveRunConfig, run: RunDirectory | None = None) -> str:
    """One run from sources to report; what an interrupted run already finished is not done again.

    Args:
        config: The checked configuration.
        run: The run to continue; a new one is begun once dataset and encoder are there.

    Returns:
        The printed summary.
    """
    started = time.monotonic()
    set_seed(config.seed)
    check_target(config.push, FILE_NAME)
    knowledge = knowledge_of(config)  # a damaged one is reported before anything is trained
    logger.info("[1/5] dataset {}", config.data.name)
    dataset = datasets_of.load(datasets_of.build_or_reuse(config.data, config.source))
    dataset.require("train", "dev")
    logger.info("[2/5] encoder {}", config.model.name)
    base = _encoder(config, dataset.splits["train"])
    reader = _reader(config, base)  # what it refuses leaves no run behind
    run = run or RunDirectory.create(config)
    logger.info("[3/5] training -> {}", run.path)
    if not run.reader.is_dir():
        _train(run, config, reader, dataset)
    artifact = _record(run, config, base, dataset, knowledge)
    logger.info("[4/5] evaluation")
    report = _evaluate(run, config, base, dataset, artifact)
    pushed = push(run.reader, config.push, FILE_NAME)
    logger.info("[5/5] done in {:.0f} s", time.monotonic() - started)
    return _summary(run, report, pushed)


def _encoder(config: ExtractiveRunConfig, examples: Sequence[Example]) -> Path:
    if config.model.encoder is not None:
        return encoder.build_or_reuse(_corpus(examples), config.model.encoder)
    if config.model.package is not None:
        return encoder.in_package(config.model.package, config.model.extra)
    assert config.model.path is not None
    return locate(config.model.path)


def _corpus(examples: Sequence[Example]) -> list[str]:
    """Every training passage once, and every training question once."""
    passages = [example.passage for example in examples if example.passage]
    return list(dict.fromkeys([*(p.context for p in passages), *(p.question for p in passages)]))


def _train(run: RunDirectory, config: ExtractiveRunConfig, reader: Reader, dataset: BuiltDataset) -> None:
    """Trains, chooses the threshold on dev, and saves an ordinary model directory with ``reader.json``."""
    windows = {name: _windows(reader, config, dataset.splits[name]) for name in ("train", "dev")}
    reader.model.train()
    train(reader.model, reader.tokenizer, windows["train"], windows["dev"], config.train, run, config.seed)
    reader = _with_threshold(reader, config, dataset.splits["dev"])
    with replacing_directory(run.reader) as directory:
        reader.model.save_pretrained(directory)
        reader.tokenizer.save_pretrained(directory)
        save_reading(reader.config, directory)


def _reader(config: ExtractiveRunConfig, base: Path) -> Reader:
    set_seed(config.seed)  # the head's first values must not depend on what was built before
    model = _with_head(base)
    tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True)
    if config.reading.max_length > tokenizer.model_max_length:
        raise UserError(
            f"this encoder reads {tokenizer.model_max_length} tokens, not {config.reading.max_length}",
            where="reading.max_length",
            fix="lower it",
        )
    return Reader(model, tokenizer, config.reading.model_copy(update={"threshold": ALWAYS}))


def _with_head(base: Path) -> PreTrainedModel:
    """The encoder with a head that marks answers, a new one where it has none.

    Raises:
        UserError: Other weights than the head's are missing: they would be random.
    """
    loading = logging.getLogger("transformers.modeling_utils")
    level = loading.level
    loading.setLevel(logging.ERROR)  # a table of keys; what of it matters is judged here
    try:
        model, found = AutoModelForQuestionAnswering.from_pretrained(
            base, local_files_only=True, output_loading_info=True
        )
    finally:
        loading.setLevel(level)
    missing = sorted(key for key in found["missing_keys"] if not key.startswith(HEAD))
    if missing:
        raise UserError(
            f"{len(missing)} weights of {type(model).__name__} are missing, e.g. {missing[0]}",
            where=str(base),
            fix="give a whole encoder, e.g. one of BERT's or RoBERTa's kind",
        )
    return model


def _windows(reader: Reader, config: ExtractiveRunConfig, examples: Sequence[Example]) -> LabelledWindows:
    return label(
        examples,
        reader.tokenizer,
        config.reading,
        negatives=config.train.negative_windows,
        max_lost_share=config.train.max_lost_share,
        seed=config.seed,
    )


def _with_threshold(reader: Reader, config: ExtractiveRunConfig, dev: Sequence[Example]) -> Reader:
    reader.model.eval()
    found = choose_threshold(readings(reader, dev, config.suite.batch_size), dev)
    logger.info("threshold {:.2f}: F1 {:.3f}, exact {:.3f} on dev", found.margin, found.f1, found.exact)
    settings = reader.config.model_copy(update={"threshold": found.margin})
    return Reader(reader.model, reader.tokenizer, settings)


def _record(
    run: RunDirectory,
    config: ExtractiveRunConfig,
    base: Path,
    dataset: BuiltDataset,
    knowledge: KnowledgeRecord | None,
) -> Artifact:
    model_type = read_json(base / "config.json")["model_type"]
    artifact = Artifact(
        kind="reader",
        model_version=f"{config.name}-{run.path.name}",
        method="extractive",
        base=BaseRecord(name=config.model.name, path=str(base), sha256=hash_model(base), family=model_type),
        quantisation=None,
        prompt_format="",
        prompt_format_sha256="",
        dataset=str(dataset.directory),
        dataset_sha256=dataset.manifest.sha256,
        numerics=numerics_record("float32", config.train),
        domain=config.domain,
        knowledge=knowledge,
        versions={name: importlib.metadata.version(name) for name in ("torch", "transformers")},
    )
    artifact.save(run.reader)
    artifact.save(run.path)
    return artifact


def _evaluate(
    run: RunDirectory, config: ExtractiveRunConfig, base: Path, dataset: BuiltDataset, artifact: Artifact
) -> Report:
    suites = select(dataset.splits, config.suite)
    reader = Reader.load(run.reader)
    return report_on(
        {
            "base": _base_result(config, base, dataset, suites),
            "tuned": read_suites(reader, suites, config.suite.batch_size, artifact.model_version),
        },
        suites,
        dataset,
        config.suite,
        reader.config,
        run.report,
        artifacts={"tuned": artifact},
        metrics_file=run.metrics_file,
        command=f"python training/run.py recipe={config.name} model={config.model.name} source.path=…",
    )


def _base_result(
    config: ExtractiveRunConfig, base: Path, dataset: BuiltDataset, suites: Mapping[str, Sequence[Example]]
) -> SystemResult:
    """What to compare with: the base where it is a reader already, else the baseline that never answers."""
    architectures = read_json(base / "config.json").get("architectures") or [""]
    if not architectures[0].endswith("ForQuestionAnswering"):
        return silent(suites)
    reader = _with_threshold(_reader(config, base), config, dataset.splits["dev"])
    return read_suites(reader, suites, config.suite.batch_size, config.model.name)


def _summary(run: RunDirectory, report: Report, pushed: str) -> str:
    lines = [
        "",
        report.summary(),
        "",
        f"报告 report : {run.report / 'index.html'}",
        f"模型 model  : {run.reader}",
        f"使用 use    : {how_to_read(run.reader)}",
    ]
    return "\n".join([*lines, *([f"push         : {pushed}"] if pushed else [])])
