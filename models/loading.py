"""Loads models and tokenizers from plain directories: natively, without remote code, without the network."""

from pathlib import Path
from typing import Literal

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils.logging import disable_progress_bar

from common.errors import UserError
from common.files import read_json
from common.hashing import sha256_files
from models.families.family import ModelFamily
from models.families.llama import LLAMA
from models.quantisation import keep_unpacked, nf4

disable_progress_bar()  # a bar per loaded model hides the ones that show what takes long

FAMILIES = (LLAMA,)
HASHED_FILES = ("*.safetensors", "*.bin", "config.json", "tokenizer.json", "tokenizer.model")

Quantisation = Literal["nf4"]


def family_of(directory: Path) -> ModelFamily:
    """Recognises the model family by ``config.json``.

    Raises:
        UserError: The directory holds no model, or one of a family Xinglin does not know.
    """
    if not (directory / "config.json").is_file():
        raise UserError(
            "no model here (config.json is missing)", where=str(directory), fix="give the directory of a model"
        )
    config = read_json(directory / "config.json")
    for family in FAMILIES:
        if family.recognises(config):
            return family
    known = ", ".join(family.name for family in FAMILIES)
    raise UserError(
        f"unknown model family: architectures={config.get('architectures')}",
        where=str(directory / "config.json"),
        fix=f"families that load today: {known}",
    )


def default_device() -> torch.device:
    """The first GPU where there is one, else the CPU."""
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


def load_model(
    path: Path, *, dtype: torch.dtype = torch.float32, quantisation: Quantisation | None = None
) -> PreTrainedModel:
    """Loads a causal language model in evaluation mode, on the GPU where there is one.

    Args:
        path: A model directory in Hugging Face layout.
        dtype: Type of the weights, and of the computation where they are quantised.
        quantisation: ``nf4`` quantises the linear layers while loading.

    Raises:
        UserError: There is no model of a known family in the directory.
    """
    family_of(path)
    model = AutoModelForCausalLM.from_pretrained(
        path,
        dtype=dtype,
        quantization_config=nf4(dtype) if quantisation == "nf4" else None,
        device_map={"": default_device()},
        trust_remote_code=False,
        local_files_only=True,
    )
    keep_unpacked(model)
    return model.eval()


def load_tokenizer(path: Path) -> PreTrainedTokenizerBase:
    """Loads a tokenizer for generation (padding on the left).

    Raises:
        UserError: The directory has no tokenizer.
    """
    if not list(path.glob("tokenizer*")):
        raise UserError("no tokenizer here", where=str(path), fix="give the directory of a model with its tokenizer")
    tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False, local_files_only=True, padding_side="left")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token  # padding is always masked, so any token serves
    return tokenizer


def hash_model(path: Path) -> str:
    """SHA-256 over a model directory's weights, configuration and tokenizer."""
    return sha256_files(file for pattern in HASHED_FILES for file in path.glob(pattern))
