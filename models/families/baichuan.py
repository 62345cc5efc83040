"""Baichuan-7B and Baichuan2-7B on transformers' own ``LlamaForCausalLM``: LLaMA with q, k and v in one matrix.

Baichuan2 normalises the rows of its output layer on every use (NormHead); they are normalised once while loading.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.core_model_loading import WeightConverter, WeightTransform

from models.families.family import (
    Checkpoint,
    ModelFamily,
    NormaliseRows,
    OriginalLayout,
    Plan,
    SplitRows,
    native_plan,
    native_tokenizer,
    refuse_quantised,
    require_keys,
    rows_are_normalised,
)
from models.tokenizers.conversion import baichuan_tokenizer
from models.tokenizers.sentencepiece import read_model

BAICHUAN_1_7B = "BaiChuanForCausalLM"  # with a capital C in the middle
OTHERS = "BaichuanForCausalLM"
BAICHUAN_2_VOCABULARY = 125_696
CONTEXT_LENGTH = ("max_position_embeddings", "model_max_length")  # 7B names the first, Baichuan2-7B both
LICENCE = "Baichuan's model licence; for commercial use of Baichuan2, ask its authors"
BASE = 10_000.0  # of the rotary frequencies
SIZES = (
    *("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "hidden_act"),
    *("rms_norm_eps", "initializer_range", "pad_token_id", "bos_token_id", "eos_token_id"),
)
"""Keys of ``config.json`` that both layouts have under these names."""


def is_original(config: dict[str, Any], *, rotary: bool) -> bool:
    """Whether a ``config.json`` is from a Baichuan in original layout, with rotary positions (7B) or ALiBi (13B)."""
    architectures = config.get("architectures") or []
    if architectures == [BAICHUAN_1_7B]:
        return rotary
    return bool(architectures == [OTHERS]) and ("max_position_embeddings" in config) == rotary


def is_second_generation(checkpoint: Checkpoint) -> bool:
    """Whether this is a Baichuan2, which has a NormHead: as the user says, else by the vocabulary or the tokenizer.

    Baichuan2's tokenizer adds no dummy prefix; Baichuan's does.
    """
    if checkpoint.hints.norm_head is not None:
        return checkpoint.hints.norm_head
    if checkpoint.published.get("architectures") == [BAICHUAN_1_7B]:
        return False
    if checkpoint.published.get("vocab_size") == BAICHUAN_2_VOCABULARY:
        return True
    model = checkpoint.directory / "tokenizer.model"
    return model.is_file() and not read_model(model).add_dummy_prefix


def transforms(hidden_size: int, *, norm_head: bool) -> Sequence[WeightTransform]:
    """From original to native tensors; every other name is the same in both layouts."""
    split = WeightConverter(
        ["self_attn.W_pack.weight"],
        [f"self_attn.{name}_proj.weight" for name in "qkv"],
        [SplitRows([hidden_size] * 3)],
    )
    normalised = WeightConverter(["lm_head.weight"], ["lm_head.weight"], [NormaliseRows()])
    return [split, normalised] if norm_head else [split]


def native_sizes(checkpoint: Checkpoint, family: str) -> dict[str, Any]:
    """The keys of a ``LlamaConfig`` from an original ``config.json``.

    Raises:
        UserError: It lacks some of them.
    """
    given = checkpoint.config
    context = next((key for key in CONTEXT_LENGTH if key in given), CONTEXT_LENGTH[0])
    require_keys(checkpoint, (*SIZES, context), family)
    same = {name: given[name] for name in SIZES}
    return same | {"max_position_embeddings": given[context], "tie_word_embeddings": False}


def original_config(config: PreTrainedConfig, like: dict[str, Any]) -> dict[str, Any]:
    """The reverse; ``like`` is a published ``config.json``."""
    context = {key: config.max_position_embeddings for key in CONTEXT_LENGTH if key in like}
    return like | {name: getattr(config, name) for name in SIZES} | context


def tokenizer(checkpoint: Checkpoint) -> PreTrainedTokenizerBase:
    """Of either generation, in either layout."""
    if (checkpoint.directory / "tokenizer.json").is_file():
        return native_tokenizer(checkpoint)
    return baichuan_tokenizer(checkpoint.directory)


def prompt_format(checkpoint: Checkpoint) -> str:
    """The chat models' formats; base models learn them as well as any other."""
    return "baichuan2_chat" if is_second_generation(checkpoint) else "baichuan_chat"


def refuse_free_head(model: PreTrainedModel, checkpoint: Checkpoint) -> None:
    """Refuses an output layer that Baichuan2's own code would normalise but that is not normalised.

    Raises:
        UserError: It was trained freely, as full tuning does.
    """
    if is_second_generation(checkpoint) and not rows_are_normalised(model.get_output_embeddings().weight):
        raise checkpoint.refuse(
            "the output layer was tuned without Baichuan2's NormHead, which the authors' code would apply again",
            "layout=native",
        )


def _plan(checkpoint: Checkpoint) -> Plan:
    if checkpoint.config.get("architectures") == [LlamaForCausalLM.__name__]:
        return native_plan(checkpoint)
    refuse_quantised(checkpoint)
    config = LlamaConfig(
        **native_sizes(checkpoint, "baichuan"),
        rope_parameters={"rope_type": "default", "rope_theta": BASE},
    )
    norm_head = is_second_generation(checkpoint)
    return Plan(LlamaForCausalLM, config, transforms(config.hidden_size, norm_head=norm_head), ("rotary_emb.inv_freq",))


def _tables(config: PreTrainedConfig, like: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The rotary frequencies of every layer, which only Baichuan-7B keeps in its files."""
    if like.get("architectures") != [BAICHUAN_1_7B]:
        return {}
    channels = config.hidden_size // config.num_attention_heads
    frequencies = BASE ** -(torch.arange(0, channels, 2) / channels)
    return {
        f"model.layers.{layer}.self_attn.rotary_emb.inv_freq": frequencies.clone()
        for layer in range(config.num_hidden_layers)
    }


BAICHUAN = ModelFamily(
    name="baichuan",
    licence=LICENCE,
    no_gguf=None,
    recognises=lambda config: is_original(config, rotary=True),
    plan=_plan,
    tokenizer=tokenizer,
    prompt_format=prompt_format,
    is_original=lambda config: is_original(config, rotary=True),
    original=OriginalLayout(
        original_config, lambda config: transforms(config.hidden_size, norm_head=False), _tables, refuse_free_head
    ),
)
