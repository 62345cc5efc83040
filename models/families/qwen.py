"""Qwen 2.5 and Qwen 3 (dense): native in transformers, ChatML prompts."""

from models.families.family import ModelFamily, native_plan, native_tokenizer

QWEN = ModelFamily(
    name="qwen",
    licence="Apache-2.0 or a Qwen licence, by version and size",
    no_gguf=None,
    recognises=lambda config: config.get("architectures") in (["Qwen2ForCausalLM"], ["Qwen3ForCausalLM"]),
    plan=native_plan,
    tokenizer=native_tokenizer,
    prompt_format=lambda checkpoint: "chatml",
)
