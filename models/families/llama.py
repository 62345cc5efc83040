"""LLaMA layout: LLaMA 2 and 3, the embedded model, and everything saved as ``LlamaForCausalLM``."""

from transformers import PreTrainedTokenizerBase

from models.families.family import Checkpoint, ModelFamily, native_plan, native_tokenizer
from models.tokenizers.conversion import llama_tokenizer


def _tokenizer(checkpoint: Checkpoint) -> PreTrainedTokenizerBase:
    if (checkpoint.directory / "tokenizer.json").is_file():
        return native_tokenizer(checkpoint)
    return llama_tokenizer(checkpoint.directory)


def _prompt_format(checkpoint: Checkpoint) -> str:
    """LLaMA 3 has a vocabulary of 128,256, LLaMA 2 one of 32,000; base models work with either after tuning."""
    return "llama3_chat" if checkpoint.config.get("vocab_size") == 128_256 else "llama2_chat"


LLAMA = ModelFamily(
    name="llama",
    licence="where the base is a LLaMA, Meta's community licence of its version",
    no_gguf=None,
    recognises=lambda config: config.get("architectures") == ["LlamaForCausalLM"],
    plan=native_plan,
    tokenizer=_tokenizer,
    prompt_format=_prompt_format,
    adapter_targets=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
)
