"""Loads results that are no model of their own: adapters and prefixes, on top of the base they were trained on."""

import warnings
from pathlib import Path

import torch
from peft import PeftModel
from transformers import PreTrainedModel

import models.bottleneck  # noqa: F401 - peft then knows these adapters
from common.errors import Refused, UserError
from models.artifact import BaseRecord, BesideBaseArtifact
from models.hub import locate
from models.loading import hash_model, load_model, load_tokenizer
from models.prompt_format import PromptFormat
from models.soft_prompt import about_the_text


def directory_of(record: BaseRecord) -> Path | None:
    """Directory of a recorded base, which is unpacked where it is a GGUF file; None where it is missing."""
    return locate(record.path) if Path(record.path).exists() else None


def base_of(adapter: Path, artifact: BesideBaseArtifact) -> Path:
    """Directory of the base that an adapter or prefix was trained on.

    Raises:
        UserError: It is missing.
        Refused: Another model is there.
    """
    base = directory_of(artifact.base)
    if base is None:
        raise UserError(
            f"the base model {artifact.base.name!r} of this {artifact.kind} is missing",
            where=artifact.base.path,
            fix="put it back there (for the embedded model, run the same recipe again: it is rebuilt identically)",
        )
    if hash_model(base) != artifact.base.sha256:
        raise Refused(f"{base} is not the base model that {adapter} was trained on (another SHA-256)")
    return base


def load_beside_base(
    adapter: Path, artifact: BesideBaseArtifact, *, dtype: torch.dtype
) -> tuple[PeftModel, PromptFormat]:
    """Loads an adapter or prefix on top of its base, and the prompt format that it was trained with.

    Raises:
        UserError: The base is missing.
        Refused: The base is not the one the adapter was trained on, or the prompt format was changed.
    """
    base, hints = base_of(adapter, artifact), artifact.base.hints
    prompt_format = PromptFormat.load(adapter, load_tokenizer(base, hints))
    model = load_model(base, dtype=dtype, quantisation=artifact.quantisation, hints=hints)
    return on_base(model, adapter), prompt_format


def on_base(base: PreTrainedModel, adapter: Path) -> PeftModel:
    """A base with the adapter, prefix or prompt of a directory."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The following rank_pattern keys")  # AdaLoRA's are not LoRA's, and peft asks
        return about_the_text(PeftModel.from_pretrained(base, adapter))
