"""The base model of a run: found, fetched or built, with everything that follows from its family."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from domains.domain import find_domain
from models import embedded, stand_ins
from models.artifact import BaseRecord
from models.families.family import Checkpoint, Hints, ModelFamily
from models.hub import locate
from models.loading import Quantisation, hash_model, load_model, load_tokenizer, open_checkpoint
from models.prompt_format import FILE_NAME as PROMPT_FORMAT_FILE
from models.prompt_format import PromptFormat
from training.config import RunConfig

CHINESE = "medical"
"""The domain whose prose a model built here reads in a domain that has none: the most Chinese there is."""


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

    @property
    def hints(self) -> dict[str, Any]:
        """What ``models.loading`` takes besides the path."""
        return self.checkpoint.hints._asdict()

    def load(self, dtype: torch.dtype, quantisation: Quantisation | None = None) -> PreTrainedModel:
        """Loads its weights."""
        return load_model(self.path, dtype=dtype, quantisation=quantisation, **self.hints)

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


def find_base(run: RunConfig) -> Base:
    """Finds a model by path or hub name, or builds the embedded one or a stand-in from the prose of the run's domain.

    Raises:
        UserError: There is no such model, or its tokenizer does not fit the prompt format.
    """
    config = run.model
    path = _directory(run)
    hints = config.hints()
    family, checkpoint = open_checkpoint(path, Hints(**hints))
    tokenizer = load_tokenizer(path, **hints)
    if config.prompt_format is None and (path / PROMPT_FORMAT_FILE).is_file():
        prompt_format = PromptFormat.load(path, tokenizer)
    else:
        prompt_format = PromptFormat.named(config.prompt_format or family.prompt_format(checkpoint), tokenizer)
    return Base(config.name, family, checkpoint, prompt_format)


def _directory(run: RunConfig) -> Path:
    config = run.model
    if config.embedded is not None:
        reads = config.embedded.corpus or _reads(run)
        return embedded.build_or_reuse(_prose(run, reads), config.embedded.model_copy(update={"corpus": reads}))
    if config.stand_in is not None:
        return stand_ins.build_or_reuse(_prose(run, _reads(run)), config.stand_in)
    assert config.path is not None
    return locate(config.path)


def _reads(run: RunConfig) -> str:
    """The domain whose prose a model built for this run reads."""
    return run.domain if find_domain(run.domain).has_prose else CHINESE


def _prose(run: RunConfig, domain: str) -> list[str]:
    return find_domain(domain).prose(run.knowledge_folder if domain == run.domain else None)
