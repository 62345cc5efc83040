"""Continued pre-training: a method is applied to a language model, trained on documents, and merged if possible."""

from pathlib import Path

from data_recipes.pipeline.build import BuiltDataset
from models.numerics import compute_dtype
from training.base import Base
from training.batches.supervision import SupervisedSet
from training.batches.texts import read_texts
from training.stages.pretrain.config import PretrainConfig
from training.stages.sft.job import SequenceJob
from training.vocabulary import is_extended, new_tokens, with_vocabulary


class PretrainJob(SequenceJob[PretrainConfig]):
    """Goes on with the pre-training of a language model; see ``Job``."""

    def __init__(self, config: PretrainConfig, dataset: BuiltDataset, base: Path | None = None) -> None:
        super().__init__(config, dataset, None if base and is_extended(base) else base)
        self._unextended = self.language_model
        if config.vocabulary.grows:
            self._extend()

    def _extend(self) -> None:
        """Trains on the base with a larger vocabulary instead."""
        config = self.config
        texts = (example.answer for example in self.dataset.splits["train"] if example.is_text)
        dtype = compute_dtype(config.model.dtype).dtype
        self.language_model = with_vocabulary(self.language_model, config.vocabulary, texts, dtype)
        self.base = self.language_model.path
        method = self.method.with_new_tokens(config.method, new_tokens(self.base))
        self.config = config.model_copy(update={"method": method})

    @property
    def _before(self) -> Base:
        """The base as it was given: its loss per character does not depend on the tokens."""
        return self._unextended

    def _supervised(self, split: str) -> SupervisedSet:
        examples, prompt_format = self.dataset.splits[split], self.language_model.prompt_format
        return read_texts(examples, prompt_format, self.config.train.max_length, split)

    def settings(self) -> dict[str, object]:
        """See ``Job.settings``."""
        vocabulary = self.config.vocabulary
        said = {f"vocabulary.{name}": value for name, value in vocabulary.model_dump().items() if vocabulary.grows}
        return said | super().settings()


JOB = PretrainJob
