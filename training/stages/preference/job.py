"""Preferences: a method is applied to a language model, trained on pairs of answers, and merged if possible."""

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from models.beside_base import on_base
from models.memory import release
from models.numerics import compute_dtype
from models.run_directory import RunDirectory
from training.batches.pairs import PairRows
from training.provenance import fingerprint_of
from training.stages.preference.config import PreferenceConfig
from training.stages.preference.pairs import PairJob
from training.stages.sft.memory import Step
from training.trainer.answer_logprobs import AnswerLogprobs
from training.trainer.arguments import training_numerics
from training.trainer.preference import train
from training.trainer.reference import reference_logprobs, save_references, saved_references
from training.trainer.supervised import Along


class PreferenceJob(PairJob[PreferenceConfig]):
    """Teaches a language model to prefer the better of two answers; see ``Job``."""

    @property
    def described(self) -> str:
        """See ``Job.described``."""
        return f"{self.config.loss.kind}, {super().described}"

    def _largest_step(self) -> Step:
        pairs, batch_size = self.pairs["train"], self.config.train.batch_size
        supervised = sorted(sum(map(sum, (pair.better.mask, pair.worse.mask))) for pair in pairs)
        longest = max(len(sequence.ids) for pair in pairs for sequence in pair)
        return Step(2 * min(batch_size, len(pairs)), longest, sum(supervised[-batch_size:]), AnswerLogprobs)

    def train(self, run: RunDirectory) -> None:
        """Computes the reference once, before anything is trained; see ``Job.train``."""
        self.references = self._references(run) if self.config.loss.needs_reference else {}
        super().train(run)

    def _references(self, run: RunDirectory) -> dict[str, torch.Tensor]:
        """Of both splits, by what training begins with; a resumed run reads what it began with."""
        fingerprint = fingerprint_of(run)
        if found := saved_references(run.reference_file, fingerprint):
            return found
        config, numerics = self.config, training_numerics(self.config.train)
        base = self.language_model.load(compute_dtype(config.model.dtype).dtype, config.method.quantisation)
        if self.adapter:
            base = on_base(base, self.adapter.directory)
        found = {
            split: reference_logprobs(base, pairs, config.train.batch_size, numerics)
            for split, pairs in self.pairs.items()
        }
        del base
        release()
        save_references(run.reference_file, found, fingerprint)
        return found

    def _fit(self, model: PreTrainedModel | PeftModel, run: RunDirectory, along: Along) -> None:
        rows = {split: PairRows(pairs, self.references.get(split)) for split, pairs in self.pairs.items()}
        config = self.config
        train(model, rows["train"], rows["dev"], config.loss, config.train, run, config.seed, along)

    def settings(self) -> dict[str, object]:
        """See ``Job.settings``."""
        return {f"loss.{name}": value for name, value in self.config.loss.model_dump().items()} | super().settings()


JOB = PreferenceJob
