"""A method is applied to a language model, trained, and merged if possible; supervised fine-tuning does so on
conversations."""

import importlib.metadata
import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import torch
from loguru import logger
from peft import PeftModel
from transformers import PreTrainedModel

from common.errors import UserError
from common.files import replacing_directory
from data_recipes.pipeline.build import BuiltDataset
from data_recipes.schema.example import Example
from eval.evaluation import Candidate, evaluate_candidates
from eval.exams.exam import read_exam
from eval.report.schema import BASE, TUNED, Report, System
from eval.systems import base_of_run, result_of_run
from models.artifact import (
    AdapterArtifact,
    AnyArtifact,
    LanguageModelArtifact,
    MergedArtifact,
    MergeProof,
    PrefixArtifact,
    WholeArtifact,
    result_files,
)
from models.engines.engine import Engine
from models.engines.local import LocalEngine
from models.numerics import compute_dtype
from models.push import MODEL_MARKERS
from models.run_directory import RunDirectory
from training import processes
from training.base import Base, find_base
from training.batches.packing import Rows, TaskRow, pack, row_length
from training.batches.supervision import OVER_LENGTH, SupervisedSet, supervise
from training.config import TrainConfig
from training.earlier_adapter import find_adapter, load_into, refuse_other_base, refuse_other_targets
from training.grounding import grounding_record
from training.learning_rate import auto_rate
from training.memory_plan import MIB, MemoryPlan, plan_of
from training.merge import compared_answers, merge
from training.methods import METHODS
from training.stages.job import Job
from training.stages.sft.config import LanguageModelConfig, SftConfig
from training.stages.sft.memory import Step, attached, phases
from training.trainer.arguments import numerics_record, training_numerics
from training.trainer.change import checksums, refuse_unchanged
from training.trainer.dev_answers import DevAnswers
from training.trainer.sharding import bytes_held, cpu_first, divide, refuse_undivided
from training.trainer.supervised import Along, train
from training.turns import trained_turns

LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes")

L = TypeVar("L", bound=LanguageModelConfig)


class LanguageModelJob(Job[L]):
    """Tunes a language model, on whatever its stage prepares; see ``Job``."""

    markers = MODEL_MARKERS

    def __init__(self, config: L, dataset: BuiltDataset, base: Path | None = None) -> None:
        super().__init__(config, dataset)
        self.exams = [read_exam(suite) for suite in config.exams]
        self.method = METHODS[config.method.kind]
        self.language_model = find_base(config, base)
        self.base = self.language_model.path
        if config.adapter.path is not None:
            self.adapter = find_adapter(config.adapter.path, config.method)
            refuse_other_base(self.adapter, self.language_model)
            refuse_other_targets(self.adapter, self._on_shapes())

    @classmethod
    def check(cls, config: L) -> None:
        """See ``Job.check``; exams and the adapter that training begins with, too."""
        super().check(config)
        for suite in config.exams:
            read_exam(suite)
        if config.adapter.path is not None:
            find_adapter(config.adapter.path, config.method)

    def _on_shapes(self) -> PeftModel:
        """What is trained, without weights."""
        shapes = self.language_model.shapes(compute_dtype(self.config.model.dtype).dtype)
        model = self.method.attach(shapes, self.config.method)
        assert isinstance(model, PeftModel)
        return model

    @property
    def described(self) -> str:
        """See ``Job.described``."""
        return f"{self.method.title(self.config.method)}: {self.method.described[1]}"

    def plan(self) -> MemoryPlan:
        """See ``Job.plan``; what the method does not reach is said here, before anything is loaded."""
        if untuned := self._untuned():
            logger.warning("{}: {}", self.method.title(self.config.method), untuned)
        step = self._largest_step()
        self._refuse_beyond_context(self._longest(step))
        compared = compared_answers(self._compared, self.language_model.prompt_format, self.config.merge.tokens)
        found = phases(self.config, self.language_model, step, compared, self.dataset.splits)
        return plan_of(found, training_numerics(self.config.train).name, divided=self.config.train.shard)

    def _refuse_beyond_context(self, longest: int) -> None:
        """Refuses to train at positions that the model has not learned and that no evaluation or service reads.

        Raises:
            UserError: The longest example, behind what the method puts before it, is longer than the context.
        """
        base, before = self.language_model, self.method.virtual_tokens(self.config.method)
        context = int(base.family.plan(base.checkpoint).config.max_position_embeddings)
        if before + longest <= context:
            return
        virtual = f", behind {before} virtual ones of the method," if before else ""
        shorter = f"set train.max_length={context - before} or lower"
        raise UserError(
            f"the longest example has {longest} tokens{virtual} and the context of {base.name} only {context}",
            where="train.max_length",
            fix=shorter if before <= context // 2 else f"method={self.method.name} with fewer virtual tokens",
        )

    def _longest(self, step: Step) -> int:
        """Tokens of the longest example; here its row has no others."""
        return step.length

    @property
    def _before(self) -> Base:
        """What the result is compared with."""
        return self.language_model

    @property
    def _compared(self) -> Iterator[Example]:
        """Examples of the merge proof."""
        return chain(self.dataset.splits["dev"], self.dataset.splits["train"])

    def _untuned(self) -> str:
        shapes = self.language_model.shapes(compute_dtype(self.config.model.dtype).dtype)
        return self.method.untuned(shapes, self.config.method)

    @abstractmethod
    def _largest_step(self) -> Step:
        """The largest step of the training, for the memory plan."""

    @abstractmethod
    def _texts(self) -> Sequence[Sequence[int]]:
        """Token ids of what is trained on, for methods that start from it."""

    @abstractmethod
    def _fit(self, model: PreTrainedModel | PeftModel, run: RunDirectory, along: Along) -> None:
        """Trains the model in place, from the run's newest checkpoint if it has one."""

    def trained(self, run: RunDirectory) -> Path:
        """See ``Job.trained``."""
        folder = WholeArtifact.folder if self.method.result == "whole" else AdapterArtifact.folder
        return run.path / folder

    def train(self, run: RunDirectory) -> None:
        """See ``Job.train``."""
        torch.manual_seed(self.config.seed)  # the initial values must not depend on what was built before
        model, method = attached_model(self.config, self.language_model), self.config.method
        self.method.start(model, method, self._texts(), self.language_model)
        if self.adapter:
            load_into(model, self.adapter)
        self._report_trained(model)
        dev_answers = DevAnswers(
            model,
            self.language_model.prompt_format,
            [example.prompt for example in self.dataset.splits["dev"] if not example.is_text],
            quantised=self.config.method.quantisation is not None,
            file=run.samples_file,
        )
        before = checksums(model, self.method.decisive)
        self._fit(model, run, Along(dev_answers, self.method.companion(model, method), self.method.rates(method)))
        refuse_unchanged(before, checksums(model, self.method.decisive))
        answered = [one for one in self.dataset.splits["dev"] if not one.is_text and one.has_reference]
        self.method.settle(model, method, answered, self.language_model)
        if not processes.is_first():
            return
        with replacing_directory(self.trained(run)) as directory:
            self._save(model, directory)

    def _save(self, model: PreTrainedModel | PeftModel, directory: Path) -> None:
        """Writes what was trained into an empty directory."""
        dtype = compute_dtype(self.config.model.dtype).dtype
        self.method.save(model, directory, self.language_model, dtype)

    def _report_trained(self, model: PreTrainedModel | PeftModel) -> None:
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        shapes = self.language_model.shapes(compute_dtype(self.config.model.dtype).dtype)  # in 4 bits two share a byte
        share = trained / sum(p.numel() for p in shapes.parameters())
        logger.info("trained parameters: {:,} ({:.3%} as many as the base has)", trained, share)
        tokens = self.trained_on["train"].supervised_tokens
        if self.method.has_rank and trained < tokens:
            logger.info(
                "capacity: {:,} values for {:,} supervised tokens; a low-rank update learns as well as full tuning"
                " while it has at least as many values as there are tokens to learn (LoRA Without Regret, 2025):"
                " raise method.rank {:.1f} times where the dev loss is still too high",
                *(trained, tokens, tokens / trained),
            )

    def finish(self, run: RunDirectory) -> AnyArtifact:
        """Merges if the method allows it and the proof passes; see ``Job.finish``."""
        trained = self._record(run, self.trained(run))
        match self.method.result:
            case "whole":
                return WholeArtifact(**trained)
            case "beside_base":
                return PrefixArtifact(**trained, why_not_merged=self.method.why_not_merged)
            case "mergeable":
                return self._merged(run, trained)

    def _merged(self, run: RunDirectory, trained: dict[str, Any]) -> MergedArtifact | AdapterArtifact:
        if not self.config.merge.enabled:
            return AdapterArtifact(**trained, why_not_merged="merge.enabled=false")
        merged = run.path / MergedArtifact.folder
        try:
            with replacing_directory(merged) as directory:
                proof = self._merge(self.trained(run), directory)
                if not proof.passed:
                    raise _ProofFailed
        except _ProofFailed:
            return AdapterArtifact(**trained, merge_proof=proof, why_not_merged=proof.refusal)
        why = f"this is the adapter itself; the model that it was merged into is {MergedArtifact.folder}/ of its run"
        AdapterArtifact(**trained, merge_proof=proof, why_not_merged=why).save(self.trained(run))
        return MergedArtifact(**self._record(run, merged), merge_proof=proof)

    def _merge(self, adapter: Path, directory: Path) -> MergeProof:
        return merge(
            self.language_model,
            adapter,
            directory,
            quantisation=self.config.method.quantisation,
            dtype=compute_dtype(self.config.model.dtype).dtype,
            examples=self._compared,
            config=self.config.merge,
        )

    def _record(self, run: RunDirectory, result: Path) -> dict[str, Any]:
        """What every artefact says, whatever the method's result is; ``result`` is its directory."""
        config, base, manifest = self.config, self.language_model, self.dataset.manifest
        return {
            "model_version": f"{config.name}-{run.path.name}",
            "method": self.method.name,
            "base": base.record(),
            "quantisation": config.method.quantisation,
            "prompt_format": base.prompt_format.name,
            "prompt_format_sha256": base.prompt_format.sha256,
            "grounding": grounding_record(manifest.grounding, self.dataset.splits["train"], base.prompt_format),
            "turns": trained_turns(self.dataset.splits["train"]),
            "ranks": self.method.ranks(self.trained(run)),
            "continued": self.adapter.record if self.adapter else None,
            "dataset": str(self.dataset.directory),
            "dataset_sha256": manifest.sha256,
            "files": result_files(result),
            "trained_on": self.trained_on,
            "selected": run.selected,
            "domain": config.domain,
            "knowledge": self.knowledge,
            "numerics": numerics_record(config.model.dtype, config.train),
            "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        }

    def evaluate(self, run: RunDirectory, artifact: AnyArtifact, command: str) -> Report:
        """See ``Job.evaluate``."""
        assert isinstance(artifact, LanguageModelArtifact)
        base, numerics = self._before, compute_dtype(self.config.model.dtype)

        def load() -> Engine:
            return LocalEngine(base.load(numerics.dtype), base.prompt_format, model_version=base.name)

        compared = artifact.model_copy(update={"base": base.record()})
        systems = {
            BASE: base_of_run(compared, base.path, load, numerics),
            TUNED: result_of_run(run.path, artifact, "auto"),
            **self._asked_too(),
        }
        return evaluate_candidates(
            systems,
            self.dataset,
            self.config.suite,
            run.report,
            metrics_file=run.metrics_file,
            command=command,
            exams=self.exams,
        )

    def _asked_too(self) -> Mapping[System, Candidate]:
        """Further systems of the report, by name."""
        return {}

    def settings(self) -> dict[str, object]:
        """See ``Job.settings``."""
        untuned = self._untuned()
        said = {"tuned": untuned} if untuned else {}
        return self.config.method.model_dump() | said | self.config.train.model_dump(exclude_defaults=True)


class _ProofFailed(Exception):
    """Raised to leave the merged directory unwritten."""


class SequenceJob(LanguageModelJob[L]):
    """Tunes a language model on sequences of tokens, several in a row or one; see ``Job``."""

    in_several_processes = True

    @classmethod
    def check(cls, config: L) -> None:
        """See ``Job.check``; whether there is something to divide, and somebody to divide it among, too."""
        super().check(config)
        if config.train.shard:
            refuse_undivided(trains_all=METHODS[config.method.kind].result == "whole")

    @abstractmethod
    def _supervised(self, split: str) -> SupervisedSet:
        """What a split becomes.

        Raises:
            UserError: It cannot be trained on.
        """

    def prepare(self) -> None:
        """Makes the rows of both splits; see ``Job.prepare``."""
        config = self.config.train
        sets = {split: self._supervised(split) for split in ("train", "dev")}
        self.trained_on = {split: supervised.record for split, supervised in sets.items()}
        self.dropped = {split: {OVER_LENGTH: supervised.dropped} for split, supervised in sets.items()}
        rendered = [sequence for supervised in sets.values() for sequence in supervised.rendered]
        length = row_length(rendered, config.max_length) if config.packing else config.max_length
        self.rows = {split: rows(supervised, self.config, length) for split, supervised in sets.items()}
        # a step sees batch_size * max_length tokens, whatever the length of its rows
        self.training = config.model_copy(update={"batch_size": config.batch_size * config.max_length // length})
        if config.learning_rate == "auto":
            self._choose_rate()

    def _choose_rate(self) -> None:
        """Puts the learning rate that ``auto`` is into the configuration, so that the run records it."""
        steps = steps_of(len(self.rows["train"]), self.training)
        over_full = self.method.rate_over_full(self.config.method)
        assert over_full is not None  # checked with the configuration
        base = self.language_model
        width = int(base.family.plan(base.checkpoint).config.hidden_size)
        chosen = {"learning_rate": auto_rate(over_full, base.family.name, width, steps)}
        self.training = self.training.model_copy(update=chosen)
        self.config = self.config.model_copy(update={"train": self.config.train.model_copy(update=chosen)})
        logger.info(
            "train.learning_rate=auto is {:.2e}: {:.3g} times that of full tuning, hidden size {}, {} steps",
            *(self.config.train.rate, over_full, width, steps),
        )

    def _largest_step(self) -> Step:
        share = processes.share(self.training.batch_size, self.training.gradient_accumulation)
        return Step.of(self.rows["train"], share.rows)

    def _longest(self, step: Step) -> int:
        return max(len(sequence.ids) for rows in self.rows.values() for row in rows.rows for sequence in row)

    def _texts(self) -> Sequence[Sequence[int]]:
        return [sequence.ids for row in self.rows["train"].rows for sequence in row]

    def _fit(self, model: PreTrainedModel | PeftModel, run: RunDirectory, along: Along) -> None:
        if processes.count() > 1:
            share = processes.share(self.training.batch_size, self.training.gradient_accumulation)
            logger.info("{} processes, {} × {} rows each a step", processes.count(), share.window, share.rows)
        if self.training.shard:
            divide(model)
            logger.info(
                "each process holds {:,.0f} MiB of weights; dev questions are not asked", bytes_held(model) / MIB
            )
            along = along._replace(dev_answers=None)  # one process alone has no whole layer to answer with
        train(model, self.rows["train"], self.rows["dev"], self.training, run, self.config.seed, along)


class SftJob(SequenceJob[SftConfig]):
    """Tunes a language model on conversations; see ``Job``."""

    def _supervised(self, split: str) -> SupervisedSet:
        return supervise(self.dataset.splits[split], self.language_model.prompt_format, self.config.train, split)


def attached_model(config: LanguageModelConfig, base: Base) -> PreTrainedModel | PeftModel:
    """The loaded base with what is trained on it."""
    dtype = compute_dtype(config.model.dtype).dtype
    model = base.load(dtype, config.method.quantisation, cpu_first(config.train.shard))
    return attached(model, config.method, recomputing=config.train.gradient_checkpointing)


def steps_of(rows: int, config: TrainConfig) -> int:
    """Optimiser steps of a training on so many rows."""
    if config.max_steps is not None:
        return config.max_steps
    return math.ceil(math.ceil(rows / (config.batch_size * config.gradient_accumulation)) * config.epochs)


def rows(supervised: SupervisedSet, config: LanguageModelConfig, length: int) -> Rows:
    """The rows of batches: with packing several sequences each, ``length`` tokens together; else one."""
    if config.train.packing:
        return Rows(pack(supervised.rendered, length, config.seed))
    if names := METHODS[config.method.kind].tasks(config.method):
        numbers = task_numbers(supervised.sources, names)
        return Rows([TaskRow(one, task) for one, task in zip(supervised.rendered, numbers, strict=True)])
    return Rows([[sequence] for sequence in supervised.rendered])


def task_numbers(sources: Sequence[str], tasks: Sequence[str]) -> list[int]:
    """The number of each sequence's task.

    Args:
        sources: Of the sequences.
        tasks: The sources that are tasks.

    Raises:
        UserError: A source is no task.
    """
    if unknown := sorted(set(sources) - set(tasks)):
        raise UserError(
            f"the dataset has examples of {', '.join(unknown)}, which are no task",
            where="method.tasks",
            fix=f"method.tasks=[{','.join(dict.fromkeys([*tasks, *unknown]))}]",
        )
    return [tasks.index(source) for source in sources]


JOB = SftJob
