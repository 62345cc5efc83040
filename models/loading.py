"""Loads models and tokenizers from plain directories: natively, without remote code, without the network.

A directory may be in native layout or in the one its authors published; either way the model in memory is native, so it
trains, generates and saves like any model of today's transformers.
"""

from pathlib import Path
from typing import Any, Literal, NoReturn

import torch
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.conversion_mapping import register_checkpoint_conversion_mapping
from transformers.utils.logging import disable_progress_bar

from common.errors import UserError
from common.files import read_json
from common.hashing import KNOWN_HASHES, sha256_of_hashes
from models.artifact import check_result
from models.chat_template import KEPT, format_of_template, warn_of_another_format
from models.checkpoint import open_weights, read_config
from models.config import NO_HINTS, Hints
from models.export import ORIGIN
from models.families.baichuan import BAICHUAN
from models.families.baichuan_alibi import BAICHUAN_ALIBI
from models.families.chatglm import CHATGLM
from models.families.family import Checkpoint, ModelFamily, Plan
from models.families.generic import GENERIC
from models.families.llama import LLAMA
from models.families.qwen import QWEN
from models.gguf_import.unpacking import UnpackedRecord
from models.prompt_format import FILE_NAME as PROMPT_FORMAT_FILE
from models.prompt_format import PromptFormat
from models.quantisation import keep_unpacked, nf4
from models.recommended import Recommended

disable_progress_bar()  # a bar per loaded model hides the bars of the slow steps

FAMILIES = (
    LLAMA,
    QWEN,
    CHATGLM,
    BAICHUAN,
    BAICHUAN_ALIBI,
    GENERIC,  # whatever none of the others recognises
)
HASHED_FILES = ("*.safetensors", "*.bin", "config.json", "tokenizer.json", "tokenizer.model")

Quantisation = Literal["nf4"]


def open_checkpoint(directory: Path | str, hints: Hints = NO_HINTS) -> tuple[ModelFamily, Checkpoint]:
    """Recognises the model family of a directory.

    Args:
        directory: A model directory.
        hints: What the user says about it; ``hints.family`` overrides ``config.json``. What was said when the directory
            was written is in its ``origin.json``.

    Raises:
        UserError: The directory holds no model, or one of a family that Xinglin does not support.
    """
    directory = Path(directory)
    config = read_config(directory)
    origin = read_json(directory / ORIGIN) if (directory / ORIGIN).is_file() else None
    if origin:
        recorded = {name: value for name, value in origin.get("hints", {}).items() if getattr(hints, name) is None}
        hints = hints._replace(family=hints.family or origin["family"], **recorded)
    checkpoint = Checkpoint(directory, config, origin["config"] if origin else config, hints)
    if hints.family:
        return family_named(hints.family), checkpoint
    for family in FAMILIES:
        if family.recognises(config):
            return family, checkpoint
    raise checkpoint.refuse(
        f"unknown model family: architectures={config.get('architectures')}, model_type={config.get('model_type')}",
        "use a causal language model that transformers has a class for, or ChatGLM2/3 or Baichuan; where config.json"
        f" does not name its family ({', '.join(family.name for family in FAMILIES)}), give model.family=NAME",
    )


def family_named(name: str) -> ModelFamily:
    """The family of that name.

    Raises:
        UserError: There is none; the message lists the available ones.
    """
    for family in FAMILIES:
        if family.name == name:
            return family
    known = ", ".join(family.name for family in FAMILIES)
    raise UserError(f"no model family {name!r}", where="model.family", fix=f"choose one of: {known}")


def default_device() -> torch.device:
    """The GPU of this process, usually the first, where there is one, else the CPU."""
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def load_model(
    path: Path | str,
    *,
    dtype: torch.dtype = torch.float32,
    quantisation: Quantisation | None = None,
    hints: Hints = NO_HINTS,
    device: torch.device | None = None,
) -> PreTrainedModel:
    """Loads a causal language model in evaluation mode.

    Args:
        path: A model directory, in native or original layout.
        dtype: Type of the weights, and of the computation where they are quantised.
        quantisation: ``nf4`` quantises the linear layers while loading.
        hints: What the files do not say.
        device: Where to; by default the GPU where there is one.

    Raises:
        UserError: There is no model of a known family in the directory, it cannot be loaded correctly, or its weights
            are not those that its configuration requires.
        Refused: It is a result of this project, and a file is not the one that was written.
    """
    check_result(Path(path))
    family, checkpoint = open_checkpoint(path, hints)
    model = _read(family.plan(checkpoint), checkpoint, dtype, quantisation, device or default_device())
    keep_unpacked(model)
    return model.eval()


def _read(
    plan: Plan, checkpoint: Checkpoint, dtype: torch.dtype, quantisation: Quantisation | None, device: torch.device
) -> PreTrainedModel:
    weights = {
        # quantised weights are quantised from the stored type; everything else is read as the requested type
        name: tensor if quantisation and tensor.shape[0] != plan.config.vocab_size else tensor.read_as(dtype)
        for name, tensor in open_weights(checkpoint.directory).items()
        if not name.endswith(plan.ignored)
    }
    try:
        model, info = _reading(plan).from_pretrained(
            None,
            config=plan.config,
            state_dict=weights,
            dtype=dtype,
            quantization_config=nf4(dtype) if quantisation == "nf4" else None,
            device_map={"": device},
            output_loading_info=True,
        )
    except (RuntimeError, ValueError) as error:
        raise checkpoint.refuse(
            f"the weights do not fit the configuration: {_first_line(error)}", "the directory mixes two models"
        ) from error
    _check_names(info, checkpoint)
    model.__class__ = plan.model_class
    del model._weight_conversions  # it is saved in the layout of its class, whichever it was read from
    model.config.name_or_path = str(checkpoint.directory)
    model.name_or_path = ""  # it was "None", and peft would ask a hub for it whenever an adapter is saved
    model.generation_config = GenerationConfig(
        **{name: getattr(plan.config, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    )
    if stops := Recommended.by(checkpoint.directory).stop_ids:
        model.generation_config.eos_token_id = list(stops)
    return model


def _reading(plan: Plan) -> type[PreTrainedModel]:
    """The class to read with: transformers finds our transforms by its name, its own by that of the plain class."""
    if not plan.transforms:
        return plan.model_class
    reading = type(f"{plan.model_class.__name__}Checkpoint", (plan.model_class,), {})
    register_checkpoint_conversion_mapping(reading.__name__, list(plan.transforms), overwrite=True)
    return reading


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _check_names(info: dict[str, Any], checkpoint: Checkpoint) -> None:
    """Every weight the model needs must be there, and nothing else.

    Raises:
        UserError: Names the tensors that are missing or unexpected.
    """
    problems = [
        f"{len(names)} {what}: {', '.join(sorted(map(str, names))[:4])}"
        for what in ("missing_keys", "unexpected_keys", "mismatched_keys")
        if (names := info[what])
    ]
    if problems:
        raise checkpoint.refuse(
            f"the weights are not those of this configuration ({'; '.join(problems)})",
            "the directory mixes two models, or is of a family that Xinglin does not support",
        )


def load_tokenizer(path: Path | str, hints: Hints = NO_HINTS) -> PreTrainedTokenizerBase:
    """Loads a tokenizer for generation (padding on the left).

    Args:
        path: A model directory, in native or original layout.
        hints: As for ``load_model``.

    Raises:
        UserError: The directory has no tokenizer.
    """
    family, checkpoint = open_checkpoint(path, hints)
    if not list(checkpoint.directory.glob("tokenizer*")):
        raise UserError("no tokenizer here", where=str(path), fix="give the directory of a model with its tokenizer")
    tokenizer = family.tokenizer(checkpoint)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token  # padding is always masked, so any token works
    return tokenizer


def load_prompt_format(path: Path | str, hints: Hints = NO_HINTS, name: str | None = None) -> PromptFormat:
    """The prompt format of that name; without one, the stored one, else what the model's chat template says, else its
    family's.

    Args:
        path: A model directory, in native or original layout.
        hints: As for ``load_model``.
        name: A file of ``models/prompts/``.

    Raises:
        UserError: There is no such format, it does not fit the tokenizer, or nothing says which one it is.
        Refused: The stored format or its tokenizer was changed after training.
    """
    if name is not None:
        chosen = PromptFormat.named(name, load_tokenizer(path, hints))
        warn_of_another_format(chosen)
        return chosen
    return own_prompt_format(path, hints) or _choose(path)


def own_prompt_format(path: Path | str, hints: Hints = NO_HINTS) -> PromptFormat | None:
    """The stored prompt format of a model, else what its chat template says, else its family's; None without any.

    Args:
        path: A model directory, in native or original layout.
        hints: As for ``load_model``.

    Raises:
        UserError: It does not fit the tokenizer, or the chat template cannot be used.
        Refused: The stored format or its tokenizer was changed after training.
    """
    tokenizer = load_tokenizer(path, hints)
    family, checkpoint = open_checkpoint(path, hints)
    if (checkpoint.directory / PROMPT_FORMAT_FILE).is_file():
        return PromptFormat.load(checkpoint.directory, tokenizer)
    if tokenizer.chat_template is not None:
        return format_of_template(tokenizer, checkpoint.directory)
    name = family.prompt_format(checkpoint)
    return PromptFormat.named(name, tokenizer) if name else None


def _choose(path: Path | str) -> NoReturn:
    raise UserError(
        "this model has no chat template, so nothing says how a question is put to it",
        where=str(path),
        fix=f"give model.prompt_format=NAME, alpaca_zh (Chinese words) or another of models/prompts/; {KEPT}",
    )


def load_config(path: Path | str, hints: Hints = NO_HINTS) -> Any:
    """The native configuration of a model directory, without its weights."""
    family, checkpoint = open_checkpoint(path, hints)
    return family.plan(checkpoint).config


def hashes_of_model(path: Path) -> dict[str, str]:
    """SHA-256 of a model directory's weights, configuration and tokenizer, by the names of the files."""
    files = sorted(file for pattern in HASHED_FILES for file in path.glob(pattern))
    return {file.name: KNOWN_HASHES.of(file) for file in files}


def hash_model(path: Path) -> str:
    """SHA-256 over a model directory's weights, configuration and tokenizer; of an unpacked GGUF, the file's own."""
    if (record := UnpackedRecord.of(path)) and not record.changed(path):
        return record.sha256
    return sha256_of_hashes(hashes_of_model(path).items())
