"""Writes a model: in native layout for today's libraries and servers, or in the layout its authors published."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import save_torch_state_dict
from transformers import PreTrainedModel
from transformers.core_model_loading import WeightTransform, revert_weight_conversion

from common.errors import UserError
from common.files import read_json, write_json
from models.families.family import Checkpoint, ModelFamily
from models.prompt_format import PromptFormat
from models.recommended import FILE_NAME as RECOMMENDED_FILE
from models.recommended import Recommended

ORIGIN = "origin.json"  # in a native directory that was converted: its family and the published JSON files
SENTENCEPIECE = "tokenizer.model"
PUBLISHED = ("tokenizer_config.json", "generation_config.json", "special_tokens_map.json")
SHARD = "5GB"


def save_native(
    model: PreTrainedModel, directory: Path, family: ModelFamily, checkpoint: Checkpoint, prompt_format: PromptFormat
) -> None:
    """Writes a model directory that plain ``AutoModelForCausalLM`` loads wherever the class is transformers' own.

    Args:
        model: The model, unquantised.
        directory: Existing empty directory.
        family: Its family.
        checkpoint: The directory it was loaded from; what is needed to write the original layout again is kept.
        prompt_format: Becomes the tokenizer's chat template and ``prompt_format.json``.
    """
    recommended = Recommended.by(checkpoint.directory)
    # other servers stop where the prompt format stops, e.g. at the next role token, and where the base does
    model.generation_config.eos_token_id = list(dict.fromkeys((*prompt_format.stop_ids, *recommended.stop_ids)))
    model.save_pretrained(directory, max_shard_size=SHARD)
    file = directory / RECOMMENDED_FILE
    write_json(file, read_json(file) | recommended.sampling)
    tokenizer = prompt_format.tokenizer
    tokenizer.chat_template = prompt_format.template
    tokenizer.save_pretrained(directory)
    prompt_format.save(directory)
    keep_origin(family, checkpoint, directory)


def keep_origin(family: ModelFamily, checkpoint: Checkpoint, directory: Path) -> None:
    """Keeps what the native layout cannot store: the published JSON files and ``tokenizer.model``."""
    source = checkpoint.directory
    if (source / ORIGIN).is_file():
        shutil.copy(source / ORIGIN, directory / ORIGIN)
    elif family.original is not None and family.is_original(checkpoint.config):
        files = {name: read_json(source / name) for name in PUBLISHED if (source / name).is_file()}
        said = checkpoint.hints._asdict()
        hints = {name: said[name] for name in ("norm_head", "rope_ratio") if said[name] is not None}
        origin = {"family": family.name, "config": checkpoint.config, "files": files, "hints": hints}
        write_json(directory / ORIGIN, origin)
    if (source / SENTENCEPIECE).is_file():
        shutil.copy(source / SENTENCEPIECE, directory / SENTENCEPIECE)


def save_original(
    model: PreTrainedModel, directory: Path, family: ModelFamily, published: dict[str, Any], source: Path | None
) -> None:
    """Writes a native model in the layout its authors published, without their code.

    Args:
        model: The model, unquantised.
        directory: Existing empty directory.
        family: Its family.
        published: A published ``config.json`` of this family; the model's sizes are put into it.
        source: A directory with ``tokenizer.model`` and the published JSON files (or an ``origin.json`` that holds
            them).

    Raises:
        UserError: The family's original layout is the native one.
    """
    layout = family.original
    if layout is None:
        raise UserError(f"the original layout of {family.name} is the native one", where="layout", fix="layout=native")
    tensors = reverted(model, layout.transforms(model.config)) | layout.tables(model.config, published)
    save_torch_state_dict(tensors, directory, max_shard_size=SHARD)
    config = layout.config(model.config, published) | {"torch_dtype": str(model.dtype).removeprefix("torch.")}
    write_json(directory / "config.json", config)
    if source is not None:
        _restore_published(source, directory)


def reverted(model: PreTrainedModel, transforms: Sequence[WeightTransform]) -> dict[str, torch.Tensor]:
    """The model's tensors under the names and in the shapes of the original layout."""
    model._weight_conversions = list(transforms)
    try:
        return dict(revert_weight_conversion(model, model.state_dict()))
    finally:
        del model._weight_conversions


def _restore_published(source: Path, directory: Path) -> None:
    if (source / ORIGIN).is_file():
        for name, content in read_json(source / ORIGIN)["files"].items():
            write_json(directory / name, content)
    else:
        for name in PUBLISHED:
            if (source / name).is_file():
                shutil.copy(source / name, directory / name)
    if (source / SENTENCEPIECE).is_file():
        shutil.copy(source / SENTENCEPIECE, directory / SENTENCEPIECE)
