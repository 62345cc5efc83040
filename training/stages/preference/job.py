"""Preferences: a method is applied to a language model, trained on pairs of answers, and merged if possible."""

from collections.abc import Mapping

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from models.run_directory import RunDirectory
from training.batches.pairs import PairRows
from training.stages.preference.config import PreferenceConfig
from training.stages.preference.pairs import PairJob
from training.stages.preference.references import references_of
from training.stages.sft.memory import Step
from training.trainer.answer_logprobs import AnswerLogprobs
from training.trainer.answers import train
from training.trainer.preference import PreferenceTrainer
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
        self.references: Mapping[str, torch.Tensor] = {}
        if self.config.loss.needs_reference:
            self.references = references_of(run, self.config, self.language_model, self.adapter, self.pairs)
        super().train(run)

    def _fit(self, model: PreTrainedModel | PeftModel, run: RunDirectory, along: Along) -> None:
        rows = {split: PairRows(pairs, self.references.get(split)) for split, pairs in self.pairs.items()}
        config = self.config
        train(PreferenceTrainer, model, rows["train"], rows["dev"], config.loss, config.train, run, config.seed, along)

    def settings(self) -> dict[str, object]:
        """See ``Job.settings``."""
        return {f"loss.{name}": value for name, value in self.config.loss.model_dump().items()} | super().settings()


JOB = PreferenceJob
