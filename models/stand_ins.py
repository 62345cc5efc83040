"""Stand-ins: small checkpoints in the original layout of published models, built here from plain prose.

A stand-in has everything that makes its family hard to load (``config.json`` as on the hub, fused weights, NormHead,
ALiBi, a SentencePiece file), so that every recipe can be tried end to end without the published weights. It is loaded
like them; nothing but this file knows that it is small. Answers are worthless.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from common.files import write_json
from models import embedded, export
from models.built import build_once
from models.config import EmbeddedConfig, StandInConfig
from models.embedded import pretrain, token_stream
from models.export import save_original
from models.loading import open_checkpoint
from models.tokenizers import sentencepiece
from models.tokenizers.sentencepiece import train_bpe, write_model

CHATGLM_CONFIG: dict[str, Any] = {
    "model_type": "chatglm",
    "architectures": ["ChatGLMModel"],
    "auto_map": {
        "AutoConfig": "configuration_chatglm.ChatGLMConfig",
        "AutoModelForCausalLM": "modeling_chatglm.ChatGLMForConditionalGeneration",
    },
    "add_bias_linear": False,
    "add_qkv_bias": True,
    "apply_query_key_layer_scaling": True,
    "apply_residual_connection_post_layernorm": False,
    "attention_dropout": 0.0,
    "attention_softmax_in_fp32": True,
    "fp32_residual_connection": False,
    "hidden_dropout": 0.0,
    "layernorm_epsilon": 1e-05,
    "multi_query_attention": True,
    "multi_query_group_num": 2,
    "original_rope": True,
    "post_layer_norm": True,
    "rmsnorm": True,
    "use_cache": True,
    "tie_word_embeddings": False,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
CHATGLM_TOKENIZER = {
    "tokenizer_class": "ChatGLMTokenizer",
    "auto_map": {"AutoTokenizer": ["tokenization_chatglm.ChatGLMTokenizer", None]},
}
CHATGLM_SPECIALS = 9  # ids after the pieces: five tokens of ChatGLM2, four more of ChatGLM3

BAICHUAN_CONFIG: dict[str, Any] = {
    "model_type": "baichuan",
    "auto_map": {
        "AutoConfig": "configuration_baichuan.BaichuanConfig",
        "AutoModelForCausalLM": "modeling_baichuan.BaichuanForCausalLM",
    },
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
    "hidden_act": "silu",
    "initializer_range": 0.02,
    "rms_norm_eps": 1e-06,
    "tie_word_embeddings": False,
    "use_cache": True,
}
BAICHUAN_TOKENIZER = {
    "tokenizer_class": "BaichuanTokenizer",
    "add_bos_token": False,
    "add_eos_token": False,
    "auto_map": {"AutoTokenizer": ["tokenization_baichuan.BaichuanTokenizer", None]},
}
BAICHUAN_GENERATION = {
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
    "user_token_id": 195,
    "assistant_token_id": 196,
}
USER_TOKEN = 195
CODE = [__file__, *embedded.CODE, export.__file__, sentencepiece.__file__]  # everything that determines a stand-in
SYMBOLS = [*"\n\t0123456789", *"，。！？；：、“”‘’（）《》〈〉【】—…·～", *"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"]


@dataclass(frozen=True)
class Likeness:
    """What a stand-in looks like.

    Attributes:
        config: Keys of ``config.json`` besides the sizes.
        context_keys: The keys that hold the context length.
        files: Further JSON files.
        dummy_prefix: Whether the tokenizer puts a space before every text.
        user_role: The reserved piece at id 195; none where roles are not pieces.
    """

    config: dict[str, Any]
    context_keys: tuple[str, ...]
    files: dict[str, Any]
    dummy_prefix: bool
    user_role: int | None = None


def _chatglm(version: int) -> Likeness:
    config = CHATGLM_CONFIG | {"_name_or_path": f"THUDM/chatglm{version}-6b"}
    return Likeness(config, ("seq_length",), {"tokenizer_config.json": CHATGLM_TOKENIZER}, dummy_prefix=True)


def _baichuan(architecture: str, context_keys: tuple[str, ...], user_role: int) -> Likeness:
    files = {"tokenizer_config.json": BAICHUAN_TOKENIZER, "generation_config.json": BAICHUAN_GENERATION}
    config = BAICHUAN_CONFIG | {"architectures": [architecture]}
    return Likeness(config, context_keys, files, dummy_prefix=user_role == 102, user_role=user_role)


LIKENESSES = {
    "chatglm2": _chatglm(2),
    "chatglm3": _chatglm(3),
    "baichuan": _baichuan("BaiChuanForCausalLM", ("max_position_embeddings",), 102),
    "baichuan2": _baichuan("BaichuanForCausalLM", ("max_position_embeddings", "model_max_length"), 106),
    "baichuan_13b": _baichuan("BaichuanForCausalLM", ("model_max_length",), 102),
    "baichuan2_13b": _baichuan("BaichuanForCausalLM", ("model_max_length",), 106),
}


def build_or_reuse(corpus: Sequence[str], config: StandInConfig) -> Path:
    """The cached stand-in made from exactly this corpus, configuration and code; it is built first if needed."""
    return build_once(f"stand-in-{config.of}", corpus, config, CODE, lambda directory: build(corpus, config, directory))


def build(corpus: Sequence[str], config: StandInConfig, directory: Path) -> None:
    """Trains tokenizer and weights a little and saves them in the original layout."""
    likeness = LIKENESSES[config.of]
    pieces = _write_tokenizer(corpus, config, likeness, directory)
    published = likeness.config | _sizes(config, likeness, pieces)
    write_json(directory / "config.json", published)
    family, checkpoint = open_checkpoint(directory)
    plan = family.plan(checkpoint)
    torch.manual_seed(config.seed)
    model = plan.model_class(plan.config)
    training = EmbeddedConfig(steps=max(config.steps, 1), seed=config.seed)
    if config.steps:
        pretrain(model, token_stream(corpus, family.tokenizer(checkpoint), config.seed), training)
    save_original(model, directory, family, published, source=None)


def _write_tokenizer(corpus: Sequence[str], config: StandInConfig, likeness: Likeness, directory: Path) -> int:
    model = train_bpe(
        corpus, config.vocab_size, dummy_prefix=likeness.dummy_prefix, user_defined=_reserved(likeness.user_role)
    )
    write_model(model, directory / "tokenizer.model")
    for name, content in likeness.files.items():
        write_json(directory / name, content)
    return len(model.pieces)


def _reserved(user_role: int | None) -> list[str]:
    """User-defined pieces that give ``<reserved_N>`` of the user's turn id 195, as in the published files."""
    if user_role is None:
        return []
    first = USER_TOKEN - user_role  # id of <reserved_0>; 0 to 2 are <unk>, <s> and </s>
    symbols = SYMBOLS[: first - 3]
    blanks = [" " * (length + 2) for length in range(first - 3 - len(symbols))]
    return [
        *symbols,
        *(blank.replace(" ", "▁") for blank in blanks),
        *(f"<reserved_{n}>" for n in range(user_role + 8)),
    ]


def _sizes(config: StandInConfig, likeness: Likeness, pieces: int) -> dict[str, Any]:
    inner = config.hidden_size * 8 // 3 // 64 * 64
    context = dict.fromkeys(likeness.context_keys, config.context_length)
    if likeness.user_role is not None:
        heads = {"num_attention_heads": config.hidden_size // 32, "num_hidden_layers": config.layers}
        return {"vocab_size": pieces, "hidden_size": config.hidden_size, "intermediate_size": inner} | heads | context
    return {
        "padded_vocab_size": pieces + CHATGLM_SPECIALS,
        "hidden_size": config.hidden_size,
        "ffn_hidden_size": inner,
        "num_layers": config.layers,
        "num_attention_heads": config.hidden_size // 32,
        "kv_channels": 32,
    } | context
