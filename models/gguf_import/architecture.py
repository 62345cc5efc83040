"""The configuration and the weights of a model that a GGUF file describes.

A key about the model that is not read here is refused by name: llama.cpp would compute something that transformers does
not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import transformers
from gguf import Keys
from transformers import PreTrainedConfig, PreTrainedModel

from models.gguf_export.architecture import ARCHITECTURES, CHANNELS, SIZES, Architecture, name_of, reordered
from models.gguf_import.file import GgufFile, GgufTensor

CLASSES = {architecture.name: name for name, architecture in ARCHITECTURES.items() if architecture.rotary}
"""Classes of transformers by the architectures of files. Mistral's files say ``llama``."""
NO_OUTPUT = "output.weight"
"""Where it is missing, the embeddings are used."""
ROPE_FREQUENCIES = "rope_freqs.weight"
"""Divisors of the rotary frequencies, ``[channels / 2]``: how a file stores the scaling of LLaMA 3.1 and later."""
LLAMA3_ROPE = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
"""Of every published model; a file has only what follows from them."""
FREQ_BASE = 10_000.0
"""Where a file does not say."""
ROUNDING = 1e-5
"""Relative difference that float32 makes in a rotary frequency."""

WITHOUT_EFFECT = (
    *(
        Keys.LLM.VOCAB_SIZE,
        Keys.LLM.TENSOR_DATA_LAYOUT,
    ),  # the embeddings have the size; the layout is always llama.cpp's
    *(Keys.Rope.SCALING_ORIG_CTX_LEN, Keys.Rope.SCALING_FINETUNED),
)
READ = (*SIZES.values(), *CHANNELS, *WITHOUT_EFFECT, Keys.Rope.FREQ_BASE, Keys.Attention.LAYERNORM_RMS_EPS)
OFF = (0, "", False, "none")


@dataclass(frozen=True)
class Weight:
    """A weight of the model: where it is in the file, and in which order its rows are needed, ``[rows]``."""

    tensor: GgufTensor
    order: np.ndarray | None


@dataclass(frozen=True)
class GgufModel:
    """What a file describes, in transformers' terms.

    Attributes:
        config: The configuration.
        weights: The weights by transformers' names, in the order of the file.
    """

    config: PreTrainedConfig
    weights: Mapping[str, Weight]

    @classmethod
    def of(cls, file: GgufFile) -> "GgufModel":
        """The model of a file.

        Raises:
            UserError: Its architecture, or a setting or tensor of it, is not known here; it is named.
        """
        name = file.require(Keys.General.ARCHITECTURE, str)
        if name not in CLASSES:
            raise file.refuse(
                f"its architecture is {name}, which is not read from GGUF",
                f"available: {', '.join(CLASSES)} (Mistral says llama); or use the model's own directory",
            )
        model_class: type[PreTrainedModel] = getattr(transformers, CLASSES[name])
        config = _config(file, name, model_class)
        with torch.device("meta"):
            shapes = {own: tuple(tensor.shape) for own, tensor in model_class(config).state_dict().items()}
        return cls(config, _weights(file, ARCHITECTURES[CLASSES[name]], config, shapes))


def _config(file: GgufFile, name: str, model_class: type[PreTrainedModel]) -> PreTrainedConfig:
    _refuse_unread(file, name)
    sizes = {attribute: file.require(key.format(arch=name), int) for attribute, key in _required(file, name).items()}
    heads = sizes["num_attention_heads"]
    if heads < 1 or sizes["hidden_size"] % heads:
        raise file.refuse(f"{heads} heads for {sizes['hidden_size']} channels", "copy the file again")
    channels = {file.get(key.format(arch=name), int, sizes["hidden_size"] // heads) for key in CHANNELS}
    if len(channels) > 1:
        raise file.refuse(f"heads of different sizes {sorted(channels)} are not read", "use the model's own directory")
    [head_dim] = channels
    embeddings = file.tensors.get("token_embd.weight")
    config: PreTrainedConfig = model_class.config_class(
        **{"num_key_value_heads": heads} | sizes,
        vocab_size=embeddings.shape[0] if embeddings else 0,
        head_dim=head_dim,
        rms_norm_eps=_short(file.require(Keys.Attention.LAYERNORM_RMS_EPS.format(arch=name), float)),
        rope_parameters=_rope(file, name, head_dim),
        tie_word_embeddings=NO_OUTPUT not in file.tensors,
        bos_token_id=file.metadata.get(Keys.Tokenizer.BOS_ID),
        eos_token_id=file.metadata.get(Keys.Tokenizer.EOS_ID),
        pad_token_id=file.metadata.get(Keys.Tokenizer.PAD_ID),
    )
    config.architectures = [model_class.__name__]
    return config


def _required(file: GgufFile, name: str) -> dict[str, str]:
    """The sizes that a file must have: not that of the vocabulary, and of key heads only where there are fewer."""
    keys = {attribute: key for attribute, key in SIZES.items() if attribute != "vocab_size"}
    if SIZES["num_key_value_heads"].format(arch=name) not in file.metadata:
        del keys["num_key_value_heads"]
    return keys


def _refuse_unread(file: GgufFile, name: str) -> None:
    read = {key.format(arch=name) for key in READ}
    unread = [key for key, value in file.metadata.items() if key.startswith(f"{name}.") and value not in OFF]
    if unknown := sorted(set(unread) - read):
        described = ", ".join(f"{key}={file.metadata[key]!r}" for key in unknown[:4])
        raise file.refuse(f"settings that are not read from GGUF: {described}", "use the model's own directory")


def _rope(file: GgufFile, name: str, channels: int) -> dict[str, Any]:
    """The rotary settings; those of LLaMA 3.1 and later are found again from the frequencies that follow from them.

    Raises:
        UserError: The frequencies follow from nothing that is known here.
    """
    plain: dict[str, Any] = {
        "rope_type": "default",
        "rope_theta": file.get(Keys.Rope.FREQ_BASE.format(arch=name), float, FREQ_BASE),
    }
    if ROPE_FREQUENCIES not in file.tensors:
        return plain
    tensor = file.tensors[ROPE_FREQUENCIES]
    divisors = np.concatenate([block.view(np.float32).reshape(-1) for block in file.rows(tensor, None)])
    scaled = plain | LLAMA3_ROPE | {"rope_type": "llama3", "factor": _short(float(divisors.max()))}
    expected = _llama3_divisors(plain["rope_theta"], channels, scaled["factor"])
    if divisors.shape != expected.shape or not np.allclose(divisors, expected, rtol=ROUNDING, atol=0):
        raise file.refuse(
            f"{ROPE_FREQUENCIES} is not the rotary scaling of LLaMA 3.1 or later", "use the model's own directory"
        )
    return scaled


def _llama3_divisors(base: float, channels: int, factor: float) -> np.ndarray:
    """Divisors of the rotary frequencies, ``[channels / 2]``: 1 for short waves, ``factor`` for long ones.

    Source: ``_compute_llama3_parameters`` of transformers, and ``generate_extra_tensors`` of llama.cpp's converter.
    """
    low, high, positions = LLAMA3_ROPE.values()
    waves = 2 * np.pi * base ** (np.arange(0, channels, 2) / channels)
    short = np.clip((positions / waves - low) / (high - low), 0, 1)
    return 1 / ((1 - short) / factor + short)


def _short(value: float) -> float:
    """A float32 as the shortest decimal that gives the same float32: 1e-06 and not 9.999999974752427e-07."""
    return float(str(np.float32(value)))


def _weights(
    file: GgufFile, architecture: Architecture, config: PreTrainedConfig, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Weight]:
    """The weights by transformers' names.

    Raises:
        UserError: A tensor is missing, of another shape, or not known; it is named.
    """
    needed = {
        name_of(own, architecture, config): own
        for own in shapes
        if own != "lm_head.weight" or not config.tie_word_embeddings
    }
    problems = {
        "missing": [name for name in needed if name not in file.tensors],
        "not known": [name for name in file.tensors if name not in needed and name != ROPE_FREQUENCIES],
        "of another shape": [
            name for name, own in needed.items() if name in file.tensors and file.tensors[name].shape != shapes[own]
        ],
    }
    if any(problems.values()):
        listed = "; ".join(f"{len(names)} {what}: {', '.join(names[:3])}" for what, names in problems.items() if names)
        raise file.refuse(
            f"the tensors are not those of a {architecture.name} of these sizes ({listed})",
            "use another file of this model, or the model's own directory",
        )
    return {
        needed[name]: Weight(tensor, _order(needed[name], tensor, architecture, config))
        for name, tensor in file.tensors.items()
        if name in needed
    }


def _order(own: str, tensor: GgufTensor, architecture: Architecture, config: PreTrainedConfig) -> np.ndarray | None:
    """The rows of the file in transformers' order: the reverse of what the export does."""
    rows = torch.arange(tensor.shape[0])
    stored = reordered(own, rows, architecture, config)
    return None if torch.equal(stored, rows) else stored.argsort().numpy()
