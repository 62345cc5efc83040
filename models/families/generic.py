"""Every other causal language model that transformers has a class for: Mistral, Gemma, Phi, GLM-4, Qwen3-MoE, DeepSeek.

Nothing about them is listed here. The configuration says which class computes them, the model itself which layers
adapters go to, its chat template what a prompt looks like; what else training relies on is measured on the loaded
weights (``training.measured``). What is known not to work is refused by its configuration.
"""

from typing import Any

from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from models.families.family import Checkpoint, ModelFamily, Plan, native_plan, native_tokenizer

SIZES = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings")
"""What memory plan, methods and service ask of a configuration."""


def _recognises(config: dict[str, Any]) -> bool:
    name = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(config.get("model_type"))
    return name is not None and config.get("architectures") == [name]


def _plan(checkpoint: Checkpoint) -> Plan:
    plan = native_plan(checkpoint)
    name, config = plan.model_class.__name__, plan.config
    if config.get_text_config() is not config:
        raise checkpoint.refuse(
            f"{name} reads images or sounds besides text", "use a text model; several families have one of each size"
        )
    if plan.model_class._is_stateful:
        raise checkpoint.refuse(
            f"{name} carries a state from token to token, which packed and padded rows would pass on to each other",
            "use a model whose layers all attend",
        )
    if missing := [size for size in SIZES if getattr(config, size, None) is None]:
        raise checkpoint.refuse(
            f"the configuration of {name} has no {', '.join(missing)}", "use a model of a more recent architecture"
        )
    return plan


GENERIC = ModelFamily(
    name="generic",
    licence="its authors'",
    no_gguf=None,
    recognises=_recognises,
    plan=_plan,
    tokenizer=native_tokenizer,
    prompt_format=lambda checkpoint: None,
)
