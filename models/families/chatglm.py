"""ChatGLM2-6B and ChatGLM3-6B, also their 32k versions, on transformers' own ``GlmForCausalLM``.

Both rotate adjacent pairs over the first half of each head's channels, group the keys and values, and join gate and up
projection into one matrix, so every weight is used unchanged; only ``query_key_value`` is split into its three parts.
"""

import re
from collections.abc import Sequence
from typing import Any

import torch
from transformers import GlmConfig, GlmForCausalLM, PreTrainedConfig, PreTrainedTokenizerBase
from transformers.core_model_loading import WeightConverter, WeightRenaming, WeightTransform

from common.files import read_json
from models.families.family import (
    Checkpoint,
    ModelFamily,
    NoGguf,
    OriginalLayout,
    Plan,
    SplitRows,
    native_plan,
    native_tokenizer,
    refuse_quantised,
    require_keys,
)
from models.tokenizers.conversion import chatglm_tokenizer

ORIGINAL = ("ChatGLMModel", "ChatGLMForConditionalGeneration")
BASE = 10_000.0  # of the rotary frequencies

# what GlmForCausalLM computes; any other value of these keys is another model
COMPUTED = {
    "rmsnorm": True,
    "post_layer_norm": True,
    "multi_query_attention": True,
    "original_rope": True,
    "add_bias_linear": False,
    "apply_residual_connection_post_layernorm": False,
    "fp32_residual_connection": False,
}

SIZES = ("padded_vocab_size", "hidden_size", "ffn_hidden_size", "num_layers", "num_attention_heads", "kv_channels")
GLM_4 = "ChatGLM4Tokenizer"

RENAMED = {
    "transformer.embedding.word_embeddings.": "model.embed_tokens.",
    "transformer.output_layer.": "lm_head.",
    "transformer.encoder.final_layernorm.": "model.norm.",
    "transformer.encoder.layers.": "model.layers.",
    "self_attention.dense.": "self_attn.o_proj.",
    "mlp.dense_h_to_4h.": "mlp.gate_up_proj.",
    "mlp.dense_4h_to_h.": "mlp.down_proj.",
}


def _is_original(config: dict[str, Any]) -> bool:
    return bool(set(config.get("architectures") or ()) & set(ORIGINAL))


def _plan(checkpoint: Checkpoint) -> Plan:
    if checkpoint.config.get("architectures") == [GlmForCausalLM.__name__]:
        return native_plan(checkpoint)
    require_keys(checkpoint, SIZES, "chatglm")
    _refuse_what_is_not_computed(checkpoint)
    config = _native_config(checkpoint)
    # a P-Tuning v2 prefix is not part of the base model: models.legacy imports it
    return Plan(GlmForCausalLM, config, _transforms(config), ("rotary_pos_emb.inv_freq", *PREFIX_ENCODER))


PREFIX_ENCODER = tuple(
    f"transformer.prefix_encoder.{name}"
    for name in ("embedding.weight", "trans.0.weight", "trans.0.bias", "trans.2.weight", "trans.2.bias")
)


def _refuse_what_is_not_computed(checkpoint: Checkpoint) -> None:
    given = checkpoint.config
    refuse_quantised(checkpoint)
    wrong = [f"{key}={given[key]}" for key, value in COMPUTED.items() if given.get(key, value) != value]
    if wrong:
        raise checkpoint.refuse(
            f"not the architecture of ChatGLM2/3: {', '.join(wrong)}", "only the published 6B models are supported"
        )


def _native_config(checkpoint: Checkpoint) -> GlmConfig:
    given = checkpoint.config
    return GlmConfig(
        vocab_size=given["padded_vocab_size"],
        hidden_size=given["hidden_size"],
        intermediate_size=given["ffn_hidden_size"],
        num_hidden_layers=given["num_layers"],
        num_attention_heads=given["num_attention_heads"],
        num_key_value_heads=given["multi_query_group_num"],
        head_dim=given["kv_channels"],
        attention_bias=given["add_qkv_bias"],
        attention_dropout=given["attention_dropout"],
        rms_norm_eps=given["layernorm_epsilon"],
        max_position_embeddings=given["seq_length"],
        rope_parameters=_rope_parameters(checkpoint),
        tie_word_embeddings=False,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=2,
    )


def _rope_parameters(checkpoint: Checkpoint) -> dict[str, Any]:
    """``rope_ratio`` divides positions in chatglm2-6b-32k and multiplies the base in chatglm3-6b-32k."""
    common = {"rope_type": "default", "rope_theta": BASE, "partial_rotary_factor": 0.5}
    ratio = checkpoint.config.get("rope_ratio", 1)
    if ratio == 1:
        return common
    meaning = checkpoint.hints.rope_ratio or _meaning_of_rope_ratio(checkpoint)
    if meaning == "linear":
        return {**common, "rope_type": "linear", "factor": float(ratio)}
    return {**common, "rope_theta": BASE * ratio}


def _meaning_of_rope_ratio(checkpoint: Checkpoint) -> str:
    code = checkpoint.directory / "modeling_chatglm.py"
    text = code.read_text(encoding="utf-8") if code.is_file() else ""
    if re.search(r"base\s*=\s*base\s*\*\s*self\.rope_ratio", text):
        return "base"
    if re.search(r"/\s*self\.rope_ratio", text):
        return "linear"
    version = _version(checkpoint)
    if version is None:
        raise checkpoint.refuse(
            f"rope_ratio={checkpoint.config['rope_ratio']} means one thing in ChatGLM2 and another in ChatGLM3, and"
            " no file here says which this is",
            "give model.rope_ratio=linear (chatglm2-6b-32k) or model.rope_ratio=base (chatglm3-6b-32k)",
        )
    return "linear" if version == 2 else "base"


def _version(checkpoint: Checkpoint) -> int | None:
    """2 or 3, by the published name or the tokenizer's code; nothing else in the files tells the two apart."""
    name = f"{checkpoint.published.get('_name_or_path', '')} {checkpoint.directory.resolve().name}".lower()
    for version in (2, 3):
        if f"chatglm{version}" in name:
            return version
    code = checkpoint.directory / "tokenization_chatglm.py"
    if code.is_file():
        return 3 if "<|user|>" in code.read_text(encoding="utf-8") else 2
    return None


def _transforms(config: PreTrainedConfig) -> Sequence[WeightTransform]:
    queries = config.num_attention_heads * config.head_dim
    groups = config.num_key_value_heads * config.head_dim
    parts = ("weight", "bias") if config.attention_bias else ("weight",)
    return [
        *(WeightRenaming(source, target) for source, target in RENAMED.items()),
        *(
            WeightConverter(
                [f"self_attention.query_key_value.{part}"],
                [f"self_attn.{name}_proj.{part}" for name in "qkv"],
                [SplitRows([queries, groups, groups])],
            )
            for part in parts
        ),
    ]


def _original_config(config: PreTrainedConfig, like: dict[str, Any]) -> dict[str, Any]:
    return like | {
        "padded_vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "ffn_hidden_size": config.intermediate_size,
        "num_layers": config.num_hidden_layers,
        "num_attention_heads": config.num_attention_heads,
        "multi_query_group_num": config.num_key_value_heads,
        "kv_channels": config.head_dim,
        "add_qkv_bias": config.attention_bias,
        "layernorm_epsilon": config.rms_norm_eps,
        "seq_length": config.max_position_embeddings,
    }


def _tables(config: PreTrainedConfig, like: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The rotary frequencies, which the original keeps in its files (there before ``rope_ratio`` is applied)."""
    channels = config.head_dim // 2
    base = BASE * like.get("rope_ratio", 1) if config.rope_parameters["rope_theta"] != BASE else BASE
    return {"transformer.rotary_pos_emb.inv_freq": base ** -(torch.arange(0, channels, 2) / channels)}


def _tokenizer(checkpoint: Checkpoint) -> PreTrainedTokenizerBase:
    if (checkpoint.directory / "tokenizer.json").is_file():
        return native_tokenizer(checkpoint)
    settings = checkpoint.directory / "tokenizer_config.json"
    if settings.is_file() and read_json(settings).get("tokenizer_class") == GLM_4:
        raise checkpoint.refuse(
            "this is GLM-4 in the layout of its authors, whose tokenizer only their code reads",
            "use its version for transformers, whose name ends in -hf",
        )
    return chatglm_tokenizer(checkpoint.directory, roles=_version(checkpoint) != 2)


CHATGLM = ModelFamily(
    name="chatglm",
    licence="ChatGLM2-6B / ChatGLM3-6B model licence: open to research; commercial use is free after registration",
    no_gguf=NoGguf(
        "llama.cpp has no tokenizer that splits texts as ChatGLM2's and ChatGLM3's do",
        "layout=native, which transformers, vLLM and SGLang load",
    ),
    recognises=_is_original,
    plan=_plan,
    tokenizer=_tokenizer,
    prompt_format=lambda checkpoint: "chatglm2" if _version(checkpoint) == 2 else "chatglm3",
    is_original=_is_original,
    original=OriginalLayout(_original_config, _transforms, _tables),
)
