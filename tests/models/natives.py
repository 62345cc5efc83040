"""Small random models of architectures without a family of their own, with chat templates like their authors'."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AddedToken,
    AutoModelForCausalLM,
    DeepseekV3Config,
    Gemma2Config,
    Gemma3TextConfig,
    GemmaConfig,
    Glm4Config,
    MistralConfig,
    Phi3Config,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen3Config,
    Qwen3MoeConfig,
)

from models.loading import load_tokenizer

CHATML = (
    "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n你是助手。<|im_end|>\n' }}{% endif %}"
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}"
    "{% elif m['role'] == 'assistant' %}{{ ' ' + m['content'] + eos_token }}"
    "{% else %}{{ raise_exception('only user and assistant roles') }}{% endif %}{% endfor %}"
)
GEMMA = (
    "{{ bos_token }}"
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}{% set role = 'model' if m['role'] == 'assistant' else m['role'] %}"
    "{{ '<start_of_turn>' + role + '\n' + m['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
PHI = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)
GLM = (
    "[gMASK]<sop>{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
DEEPSEEK = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'system' %}{{ m['content'] }}"
    "{% elif m['role'] == 'user' %}{{ '<｜User｜>' + m['content'] }}"
    "{% else %}{{ '<｜Assistant｜>' + m['content'] + eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}"
)
DATED = (
    "{{ 'Today: ' + strftime_now('%d %b %Y') + '\n' }}"
    "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
THINKING = CHATML.replace("assistant\n' }}", "assistant\n<think>\n' }}")


@dataclass(frozen=True)
class Native:
    """An architecture.

    Attributes:
        config: Its configuration's class.
        template: Its chat template.
        tokens: What the template is made of, added to the tokenizer.
        prompt_format: Name of the prompt format that this gives.
        more: Keys of the configuration besides the sizes.
    """

    config: type[PreTrainedConfig]
    template: str
    tokens: tuple[AddedToken, ...]
    prompt_format: str
    more: dict[str, Any]


def special(*texts: str, rstrip: bool = False) -> tuple[AddedToken, ...]:
    """Special tokens as a tokenizer's authors add them."""
    return tuple(AddedToken(text, special=True, normalized=False, rstrip=rstrip) for text in texts)


ROLES = ("<|system|>", "<|user|>", "<|assistant|>")
CHATML_TOKENS = special("<|im_start|>", "<|im_end|>", "<|endoftext|>")
TURNS = special("<start_of_turn>", "<end_of_turn>")
PHI_TOKENS = special(*ROLES, "<|end|>", rstrip=True)
GLM_TOKENS = special("[gMASK]", "<sop>", *ROLES, "<|observation|>", "<|endoftext|>")
DEEPSEEK_TOKENS = tuple(AddedToken(text, normalized=False) for text in ("<｜User｜>", "<｜Assistant｜>"))  # not special
EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 32, "norm_topk_prob": True}
LATENT = {"q_lora_rank": 32, "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 16, "v_head_dim": 16}
ROUTED = {"n_routed_experts": 4, "n_group": 2, "topk_group": 1, "n_shared_experts": 1, "first_k_dense_replace": 1}
NATIVES = {
    "mistral": Native(MistralConfig, MISTRAL, (), "own", {"sliding_window": 32, "head_dim": 16}),
    "gemma": Native(GemmaConfig, GEMMA, TURNS, "own", {"head_dim": 16}),
    "gemma2": Native(Gemma2Config, GEMMA, TURNS, "own", {"head_dim": 16, "sliding_window": 32}),
    "gemma3": Native(Gemma3TextConfig, GEMMA, TURNS, "own", {"head_dim": 16, "sliding_window": 32}),
    "phi3": Native(Phi3Config, PHI, PHI_TOKENS, "own", {}),
    "glm4": Native(Glm4Config, GLM, GLM_TOKENS, "glm4", {"head_dim": 16}),
    "qwen3": Native(Qwen3Config, CHATML, CHATML_TOKENS, "chatml", {"head_dim": 16}),
    "qwen3_moe": Native(
        Qwen3MoeConfig,
        CHATML,
        CHATML_TOKENS,
        "chatml",
        {"head_dim": 16, "num_experts": 4, "mlp_only_layers": [0], **EXPERTS},
    ),
    "deepseek_v3": Native(
        DeepseekV3Config, DEEPSEEK, DEEPSEEK_TOKENS, "own", {"num_key_value_heads": 4, **EXPERTS, **LATENT, **ROUTED}
    ),
}

QUICK = ("mistral", "gemma2", "phi3", "glm4", "qwen3_moe", "deepseek_v3")
"""The others differ from one of these in little; they are tried in slow tests."""
NATIVES_QUICK_FIRST = [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in NATIVES]


def build(name: str, like: Path, directory: Path) -> PreTrainedModel:
    """Writes a random model of an architecture with the tokenizer of another model, and returns it."""
    native = NATIVES[name]
    tokenizer = load_tokenizer(like)
    tokenizer.add_tokens(list(native.tokens))
    tokenizer.chat_template = native.template
    tokenizer.save_pretrained(directory)
    sizes = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
    ends = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    context = {"num_key_value_heads": 2, "max_position_embeddings": 512}
    config = native.config(vocab_size=len(tokenizer), **(sizes | context | ends | native.more))
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(config)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.05)  # a standard deviation of 0.02 hardly looks at the context
    model.save_pretrained(directory)
    return model.eval()
