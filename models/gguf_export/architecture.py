"""What llama.cpp calls an architecture: its hyperparameters, and the names and order of its tensors.

A class, rotary scaling or activation that is not listed here is refused by name: llama.cpp would load the file and
compute something else.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import gguf
import torch
from gguf import Keys
from transformers import PreTrainedConfig, PreTrainedModel

from common.errors import UserError

ALIBI_LAYERS = 40
"""llama.cpp takes a Baichuan for the 13B, which has ALiBi, by its number of layers alone."""


@dataclass(frozen=True)
class Architecture:
    """How llama.cpp computes a class of transformers.

    Attributes:
        kind: The architecture.
        neighbours: Whether the two channels that a rotation mixes are neighbours there; in transformers they are half a
            head apart, so the rows of the query and key matrices are reordered.
        rotary: Whether positions are rotations; otherwise ALiBi.
    """

    kind: gguf.MODEL_ARCH
    neighbours: bool = False
    rotary: bool = True

    @property
    def name(self) -> str:
        """Its name in the file."""
        return gguf.MODEL_ARCH_NAMES[self.kind]


ARCHITECTURES = {
    "LlamaForCausalLM": Architecture(gguf.MODEL_ARCH.LLAMA, neighbours=True),
    "Qwen2ForCausalLM": Architecture(gguf.MODEL_ARCH.QWEN2),
    "Qwen3ForCausalLM": Architecture(gguf.MODEL_ARCH.QWEN3),
    "BaichuanAlibiForCausalLM": Architecture(gguf.MODEL_ARCH.BAICHUAN, rotary=False),
}

SIZES = {
    "vocab_size": Keys.LLM.VOCAB_SIZE,
    "max_position_embeddings": Keys.LLM.CONTEXT_LENGTH,
    "hidden_size": Keys.LLM.EMBEDDING_LENGTH,
    "num_hidden_layers": Keys.LLM.BLOCK_COUNT,
    "intermediate_size": Keys.LLM.FEED_FORWARD_LENGTH,
    "num_attention_heads": Keys.Attention.HEAD_COUNT,
    "num_key_value_heads": Keys.Attention.HEAD_COUNT_KV,
}
"""Whole numbers of a configuration, and the keys of a file that hold them."""
CHANNELS = (Keys.Attention.KEY_LENGTH, Keys.Attention.VALUE_LENGTH, Keys.Rope.DIMENSION_COUNT)
"""Keys that hold the channels of a head; of ALiBi too: llama.cpp expects the last one, and rotates nothing."""


def architecture_of(model_class: str, config: PreTrainedConfig) -> Architecture:
    """The architecture of a class of transformers.

    Raises:
        UserError: llama.cpp would not compute what this model computes.
    """
    architecture = ARCHITECTURES.get(model_class)
    if architecture is None:
        raise _refused(f"the architecture {model_class}", f"available: {', '.join(ARCHITECTURES)}")
    if config.hidden_act != "silu":
        raise _refused(f"the activation {config.hidden_act}", "available: silu")
    if getattr(config, "use_sliding_window", False):
        raise _refused("sliding-window attention", "use a model without use_sliding_window in its config.json")
    if architecture.rotary and (rope := config.rope_parameters["rope_type"]) != "default":
        raise _refused(f"the rotary scaling {rope}", "available: default")
    if not architecture.rotary and config.num_hidden_layers != ALIBI_LAYERS:
        layers = config.num_hidden_layers
        raise _refused(f"ALiBi with {layers} layers", f"llama.cpp computes ALiBi only where there are {ALIBI_LAYERS}")
    return architecture


def _refused(what: str, fix: str) -> UserError:
    return UserError(f"no GGUF is written for {what}", where="layout=gguf", fix=fix)


def add_hyperparameters(writer: gguf.GGUFWriter, config: PreTrainedConfig, architecture: Architecture) -> None:
    """Writes sizes, positions and norms."""
    for attribute, key in SIZES.items():
        writer.add_uint32(key.format(arch=architecture.name), getattr(config, attribute))
    for key in CHANNELS:
        writer.add_uint32(key.format(arch=architecture.name), channels_of(config))
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    if architecture.rotary:
        writer.add_rope_freq_base(config.rope_parameters["rope_theta"])


def channels_of(config: PreTrainedConfig) -> int:
    """Channels of a head."""
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


def tensors(model: PreTrainedModel, architecture: Architecture) -> Iterator[tuple[str, torch.Tensor]]:
    """The weights under llama.cpp's names, in its order of rows.

    Raises:
        UserError: llama.cpp has no name for a tensor.
    """
    config: Any = model.config
    for own_name, tensor in model.state_dict().items():
        if own_name == "lm_head.weight" and config.tie_word_embeddings:
            continue  # llama.cpp uses the embeddings where there is no output layer
        yield name_of(own_name, architecture, config), reordered(own_name, tensor, architecture, config)


def name_of(own_name: str, architecture: Architecture, config: PreTrainedConfig) -> str:
    """llama.cpp's name of a tensor.

    Raises:
        UserError: It has none.
    """
    names = _names(architecture.kind, config.num_hidden_layers)
    name: str | None = names.get_name(own_name, try_suffixes=(".weight", ".bias"))
    if name is None:
        raise _refused(f"the tensor {own_name} of {architecture.name}", "use a model without it")
    return name


@cache
def _names(kind: gguf.MODEL_ARCH, layers: int) -> gguf.TensorNameMap:
    return gguf.get_tensor_name_map(kind, layers)


def reordered(own_name: str, rows: torch.Tensor, architecture: Architecture, config: PreTrainedConfig) -> torch.Tensor:
    """The rows of a tensor, ``[out, …]``, in llama.cpp's order."""
    if architecture.neighbours and ".q_proj." in own_name:
        return _neighbours(rows, config.num_attention_heads)
    if architecture.neighbours and ".k_proj." in own_name:
        return _neighbours(rows, config.num_key_value_heads)
    return rows


def _neighbours(rows: torch.Tensor, heads: int) -> torch.Tensor:
    """Rows ``[heads * channels, …]`` with channels c and c + channels / 2 of every head next to each other."""
    pairs = rows.reshape(heads, 2, len(rows) // heads // 2, *rows.shape[1:])
    return pairs.transpose(1, 2).reshape(rows.shape)
