"""Extractive question answering: an encoder is trained to mark answers in passages, or to say that there is none."""

import importlib.metadata
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from loguru import logger
from transformers import AutoModelForQuestionAnswering, AutoTokenizer, PreTrainedModel, set_seed

from common.errors import UserError
from common.files import read_json, replacing_directory
from data_recipes.pipeline.build import BuiltDataset
from data_recipes.schema.example import Example
from eval.answers import SystemResult
from eval.extractive import choose_threshold, read_suites, readings, report_on, silent
from eval.report.schema import BASE, TUNED, Report
from eval.suites import select
from models import encoder
from models.artifact import AnyArtifact, BaseRecord, ReaderArtifact, result_files
from models.hub import locate
from models.loading import default_device, hash_model
from models.reader import FILE_NAME, Reader, save_reading
from models.rehearsal import RECOMPUTED, rehearsal
from models.run_directory import RunDirectory
from training.batches.windows import NO_WINDOW, LabelledWindows, label
from training.memory_plan import MemoryPlan, Phase, plan_of
from training.stages.extractive.config import ExtractiveConfig
from training.stages.job import Job
from training.trainer.arguments import numerics_record, training_numerics
from training.trainer.change import checksums, refuse_unchanged
from training.trainer.spans import train

HEAD = "qa_outputs."  # the weights that mark the answer; an encoder comes without them
ALWAYS = float("-inf")  # threshold of a reader that always answers


class ExtractiveJob(Job[ExtractiveConfig]):
    """Trains an encoder to mark answers; see ``Job``."""

    markers = (FILE_NAME,)

    def __init__(self, config: ExtractiveConfig, dataset: BuiltDataset, base: Path | None = None) -> None:
        super().__init__(config, dataset)
        self.base = base or _encoder(config, dataset.splits["train"])

    @property
    def described(self) -> str:
        """See ``Job.described``."""
        return "all weights of the encoder, and a head that marks answers"

    def plan(self) -> MemoryPlan:
        """See ``Job.plan``."""
        windows, train = self.windows["train"], self.config.train
        rows, length = min(train.batch_size, len(windows)), max(windows.lengths)
        with torch.device("meta"):
            model = type(self.reader.model)(self.reader.model.config)
        if train.gradient_checkpointing:
            model.gradient_checkpointing_enable(RECOMPUTED)
        with rehearsal(model.train(), default_device()) as memory:
            weights = memory.live
            ids, ends = torch.zeros(rows, length, dtype=torch.long), torch.zeros(rows, dtype=torch.long)
            with training_numerics(train).autocast():
                loss = model(
                    input_ids=ids, attention_mask=torch.ones_like(ids), start_positions=ends, end_positions=ends
                ).loss
            loss.backward()
            peak = memory.peak
        fix = "lower train.batch_size or reading.max_length, or set train.gradient_checkpointing=true"
        # the weights are loaded already; their gradients are in the peak, Adam's moments are not
        phase = Phase(0.0, 3 * weights, peak - 2 * weights, fix)
        return plan_of({"training": phase}, training_numerics(train).name)

    def prepare(self) -> None:
        """Loads the encoder and cuts the passages into windows; see ``Job.prepare``."""
        self.reader = self._untrained()
        self.windows = {split: self._windows(split) for split in ("train", "dev")}
        self.trained_on = {
            split: windows.record(len(self.dataset.splits[split])) for split, windows in self.windows.items()
        }
        self.dropped = {split: {NO_WINDOW: windows.lost} for split, windows in self.windows.items()}

    def _untrained(self) -> Reader:
        set_seed(self.config.seed)  # the head's initial values must not depend on what was built before
        model = _with_head(self.base)
        tokenizer = AutoTokenizer.from_pretrained(self.base, local_files_only=True)
        if self.config.reading.max_length > tokenizer.model_max_length:
            raise UserError(
                f"this encoder reads {tokenizer.model_max_length} tokens, not {self.config.reading.max_length}",
                where="reading.max_length",
                fix="lower it",
            )
        return Reader(model, tokenizer, self.config.reading.model_copy(update={"threshold": ALWAYS}))

    def _windows(self, split: str) -> LabelledWindows:
        return label(
            self.dataset.splits[split],
            self.reader.tokenizer,
            self.config.reading,
            negatives=self.config.train.negative_windows,
            max_lost_share=self.config.train.max_lost_share,
            seed=self.config.seed,
        )

    def trained(self, run: RunDirectory) -> Path:
        """See ``Job.trained``."""
        return run.path / ReaderArtifact.folder

    def train(self, run: RunDirectory) -> None:
        """Trains, chooses the threshold on dev, and saves an ordinary model directory with ``reader.json``."""
        reader, config = self.reader, self.config
        reader.model.train()
        before = checksums(reader.model)
        train(
            reader.model, reader.tokenizer, self.windows["train"], self.windows["dev"], config.train, run, config.seed
        )
        refuse_unchanged(before, checksums(reader.model))
        reader = self._with_threshold(reader)
        with replacing_directory(self.trained(run)) as directory:
            reader.model.save_pretrained(directory)
            reader.tokenizer.save_pretrained(directory)
            save_reading(reader.config, directory)

    def _with_threshold(self, reader: Reader) -> Reader:
        dev = self.dataset.splits["dev"]
        reader.model.eval()
        found = choose_threshold(readings(reader, dev, self.config.suite.batch_size), dev)
        logger.info("threshold {:.2f}: F1 {:.3f}, exact {:.3f} on dev", found.margin, found.f1, found.exact)
        settings = reader.config.model_copy(update={"threshold": found.margin})
        return Reader(reader.model, reader.tokenizer, settings)

    def finish(self, run: RunDirectory) -> ReaderArtifact:
        """See ``Job.finish``."""
        config, model_type = self.config, read_json(self.base / "config.json")["model_type"]
        return ReaderArtifact(
            model_version=f"{config.name}-{run.path.name}",
            method=config.stage,
            base=BaseRecord(
                name=config.model.name, path=str(self.base), sha256=hash_model(self.base), family=model_type
            ),
            dataset=str(self.dataset.directory),
            dataset_sha256=self.dataset.manifest.sha256,
            files=result_files(self.trained(run)),
            trained_on=dict(self.trained_on),
            selected=run.selected,
            domain=config.domain,
            knowledge=self.knowledge,
            numerics=numerics_record("float32", config.train),
            versions={name: importlib.metadata.version(name) for name in ("torch", "transformers")},
        )

    def evaluate(self, run: RunDirectory, artifact: AnyArtifact, command: str) -> Report:
        """See ``Job.evaluate``."""
        suites = select(self.dataset.splits, self.config.suite)
        reader = Reader.load(self.trained(run))
        return report_on(
            {
                BASE: self._base_result(suites),
                TUNED: read_suites(reader, suites, self.config.suite.batch_size, artifact.model_version),
            },
            suites,
            self.dataset,
            self.config.suite,
            reader.config,
            run.report,
            artifacts={TUNED: artifact},
            metrics_file=run.metrics_file,
            command=command,
        )

    def _base_result(self, suites: Mapping[str, Sequence[Example]]) -> SystemResult:
        """What to compare with: the base if it is already a reader, else the baseline that never answers."""
        architectures = read_json(self.base / "config.json").get("architectures") or [""]
        if not architectures[0].endswith("ForQuestionAnswering"):
            return silent(suites)
        reader = self._with_threshold(self._untrained())
        return read_suites(reader, suites, self.config.suite.batch_size, self.config.model.name)

    def settings(self) -> dict[str, object]:
        """See ``Job.settings``."""
        return self.config.reading.model_dump(exclude={"threshold"}) | self.config.train.model_dump(
            exclude_defaults=True
        )


def _encoder(config: ExtractiveConfig, examples: Sequence[Example]) -> Path:
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


def _with_head(base: Path) -> PreTrainedModel:
    """The encoder with a head that marks answers, a new one where it has none.

    Raises:
        UserError: Other weights than the head's are missing: they would be random.
    """
    loading = logging.getLogger("transformers.modeling_utils")
    level = loading.level
    loading.setLevel(logging.ERROR)  # a table of keys; what matters in it is checked here
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
            fix="give a complete encoder, e.g. a BERT or RoBERTa",
        )
    return model


JOB = ExtractiveJob
