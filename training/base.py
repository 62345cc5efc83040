"""The base model of a run: found, fetched or built, with everything that follows from its family."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedModel

from domains.knowledge_base import KnowledgeBase
from domains.mathematics import corpus as mathematics
from domains.medical import prose
from models import embedded, stand_ins
from models.artifact import BaseRecord
from models.config import ModelConfig
from models.families.family import Checkpoint, ModelFamily
from models.hub import locate
from models.loading import Quantisation, hash_model, load_model, load_tokenizer, open_checkpoint
from models.prompt_format import FILE_NAME as PROMPT_FORMAT_FILE
from models.prompt_format import PromptFormat

CORPORA: dict[str, Callable[[], list[str]]] = {
    "medical": lambda: prose.corpus(KnowledgeBase.load()),
    "mathematics": mathematics.corpus,
}
"""What the embedded model reads, by ``model.embedded.corpus``."""


@dataclass(frozen=True)
class Base:
    """A base model that has not been loaded yet.

    Attributes:
        name: Its name in the configuration.
        family: Its family.
        checkpoint: Its directory, with what the user says about it.
        prompt_format: How conversations are written for it.
    """

    name: str
    family: ModelFamily
    checkpoint: Checkpoint
    prompt_format: PromptFormat

    @property
    def path(self) -> Path:
        """Its directory."""
        return self.checkpoint.directory

    def shapes(self) -> PreTrainedModel:
        """The model without its weights; only ``config.json`` is read."""
        plan = self.family.plan(self.checkpoint)
        with torch.device("meta"):
            return plan.model_class(plan.config)

    def load(self, dtype: torch.dtype, quantisation: Quantisation | None = None) -> PreTrainedModel:
        """Loads its weights."""
        return load_model(self.path, dtype=dtype, quantisation=quantisation, hints=self.checkpoint.hints)

    def record(self) -> BaseRecord:
        """What an artefact says about it."""
        hints = self.checkpoint.hints
        return BaseRecord(
            name=self.name,
            path=str(self.path),
            sha256=hash_model(self.path),
            family=self.family.name,
            norm_head=hints.norm_head,
            rope_ratio=hints.rope_ratio,
        )


def find_base(config: ModelConfig) -> Base:
    """Finds a model by path or hub name, or builds the embedded one or a stand-in.

    Raises:
        UserError: There is no such model, or its tokenizer does not fit the prompt format.
    """
    path = _directory(config)
    family, checkpoint = open_checkpoint(path, config.hints)
    tokenizer = load_tokenizer(path, config.hints)
    if config.prompt_format is None and (path / PROMPT_FORMAT_FILE).is_file():
        prompt_format = PromptFormat.load(path, tokenizer)
    else:
        prompt_format = PromptFormat.named(config.prompt_format or family.prompt_format(checkpoint), tokenizer)
    return Base(config.name, family, checkpoint, prompt_format)


def _directory(config: ModelConfig) -> Path:
    if config.embedded is not None:
        return embedded.build_or_reuse(CORPORA[config.embedded.corpus](), config.embedded)
    if config.stand_in is not None:
        return stand_ins.build_or_reuse(CORPORA["medical"](), config.stand_in)
    assert config.path is not None
    return locate(config.path)
