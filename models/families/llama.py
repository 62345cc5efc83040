"""LLaMA layout: LLaMA 2 and 3, the embedded model, and everything saved as ``LlamaForCausalLM``."""

from models.families.family import ModelFamily

LLAMA = ModelFamily(
    name="llama",
    recognises=lambda config: config.get("architectures") == ["LlamaForCausalLM"],
    adapter_targets=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
)
