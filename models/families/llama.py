"""LLaMA layout: LLaMA 2 and 3, the embedded model, and everything saved as ``LlamaForCausalLM``."""

from transformers import PreTrainedTokenizerBase

from models.families.family import Checkpoint, ModelFamily, native_plan, native_tokenizer
from models.tokenizers.conversion import llama_tokenizer


def _tokenizer(checkpoint: Checkpoint) -> PreTrainedTokenizerBase:
    if (checkpoint.directory / "tokenizer.json").is_file():
        return native_tokenizer(checkpoint)
    return llama_tokenizer(checkpoint.directory)


CHATS = {128_256: "llama3_chat", 32_000: "llama2_chat"}
"""Prompt formats of LLaMA 3 and 2 by vocabulary; their base models, which have no chat template, learn them as well."""


def _prompt_format(checkpoint: Checkpoint) -> str:
    """That of LLaMA 2 or 3 chat; with any other vocabulary the one in Chinese words, which needs no tokens."""
    return CHATS.get(checkpoint.config.get("vocab_size", 0), "alpaca_zh")


LLAMA = ModelFamily(
    name="llama",
    licence="where the base is a LLaMA, Meta's community licence of its version",
    no_gguf=None,
    recognises=lambda config: config.get("architectures") == ["LlamaForCausalLM"],
    plan=native_plan,
    tokenizer=_tokenizer,
    prompt_format=_prompt_format,
)
