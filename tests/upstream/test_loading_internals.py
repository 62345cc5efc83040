"""What we rely on in transformers' loading and saving of weights."""

import itertools
import logging
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from canary import canary
from transformers import (
    AutoModelForCausalLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    BertConfig,
    BertModel,
    LlamaConfig,
    LlamaForCausalLM,
    MambaForCausalLM,
    MambaPreTrainedModel,
    PreTrainedModel,
    conversion_mapping,
    core_model_loading,
    modeling_utils,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from models.export import reverted
from models.families import baichuan, chatglm
from models.legacy.lora import natively

CONFIG = LlamaConfig(
    vocab_size=16,
    hidden_size=16,
    intermediate_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    head_dim=8,
    tie_word_embeddings=False,
)


def original_tensors() -> dict[str, torch.Tensor]:
    """A Baichuan's: q, k and v of a layer in one matrix."""
    tensors = dict(LlamaForCausalLM(CONFIG).state_dict())
    fused = [tensors.pop(f"model.layers.0.self_attn.{name}_proj.weight") for name in "qkv"]
    return tensors | {"model.layers.0.self_attn.W_pack.weight": torch.cat(fused)}


class Lazy:
    """A tensor that is read where it is indexed with ``[...]``, as ``models.checkpoint.LazyTensor``."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor, self.dtype, self.shape = tensor, tensor.dtype, tuple(tensor.shape)
        self.read = 0

    def __getitem__(self, index: object) -> torch.Tensor:
        assert index is ..., f"indexed with {index}"
        self.read += 1
        return self.tensor


CLASSES = itertools.count(1)


def loaded(tensors: dict[str, Any]) -> tuple[PreTrainedModel, dict[str, Any]]:
    """A model of a class of its own, under whose name the transforms are found."""
    reading = type(f"LlamaCheckpoint{next(CLASSES)}", (LlamaForCausalLM,), {})
    transforms = list(baichuan.transforms(CONFIG.hidden_size, norm_head=False))
    conversion_mapping.register_checkpoint_conversion_mapping(reading.__name__, transforms, overwrite=True)
    return reading.from_pretrained(  # type: ignore[attr-defined,no-any-return]
        None, config=CONFIG, state_dict=tensors, dtype=torch.float32, device_map={"": "cpu"}, output_loading_info=True
    )


@canary(
    not_found_by_the_class=lambda patch: patch.setattr(
        conversion_mapping, "register_checkpoint_conversion_mapping", lambda *_, **__: None
    ),
    other_keys=lambda patch: patch.setattr(
        LlamaForCausalLM, "from_pretrained", lambda *_, **__: (LlamaForCausalLM(CONFIG), {})
    ),
)
def test_register_checkpoint_conversion_mapping() -> None:
    tensors = original_tensors()
    model, info = loaded({name: Lazy(tensor) for name, tensor in tensors.items()})
    assert not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), info
    attention = model.model.layers[0].self_attn
    found = torch.cat([attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight])
    assert torch.equal(found, tensors["model.layers.0.self_attn.W_pack.weight"]), (
        "the fused matrix was not cut into rows"
    )
    assert model._weight_conversions, "the model does not remember the transforms it was loaded with"


@canary(
    read_more_than_once=lambda patch: patch.setattr(
        core_model_loading, "_materialize_copy", lambda tensor, *_: tensor[...] + 0 * tensor[...]
    ),
    read_in_slices=lambda patch: patch.setattr(core_model_loading, "_materialize_copy", lambda tensor, *_: tensor[:]),
)
def test_lazy_state_dict() -> None:
    tensors = {name: Lazy(tensor) for name, tensor in LlamaForCausalLM(CONFIG).state_dict().items()}
    LlamaForCausalLM.from_pretrained(
        None, config=CONFIG, state_dict=tensors, dtype=torch.float32, device_map={"": "cpu"}
    )
    often = {name: tensor.read for name, tensor in tensors.items() if tensor.read != 1}
    assert not often, f"not read once: {often}"


@canary(
    renamed_otherwise=lambda patch: patch.setattr(core_model_loading, "apply_renamings", lambda key, renamings: key),
    converted_otherwise=lambda patch: patch.setattr(
        core_model_loading.WeightConverter, "convert", lambda self, *_, **__: self.materialize_tensors()
    ),
)
def test_weight_transforms() -> None:
    config = chatglm.GlmConfig(
        hidden_size=16,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        attention_bias=True,
        num_hidden_layers=1,
    )
    fused = torch.randn(16 + 8 + 8, 16)
    name = "transformer.encoder.layers.0.self_attention.query_key_value.weight"
    parts = natively(name, fused, chatglm._transforms(config))
    assert list(parts) == [f"model.layers.0.self_attn.{part}_proj.weight" for part in "qkv"], list(parts)
    assert torch.equal(torch.cat(list(parts.values())), fused), "the rows came out in another order"
    renamed = natively("transformer.encoder.final_layernorm.weight", fused[0], chatglm._transforms(config))
    assert list(renamed) == ["model.norm.weight"], list(renamed)
    model = LlamaForCausalLM(CONFIG)
    transforms = baichuan.transforms(CONFIG.hidden_size, norm_head=False)
    original = reverted(model, transforms)
    again, _ = loaded(original)
    assert "model.layers.0.self_attn.W_pack.weight" in original, sorted(original)
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), f"{name} is another one after reverting and loading"


@canary(
    another_class=lambda patch: patch.setattr(AutoModelForCausalLM, "_model_mapping", {LlamaConfig: PreTrainedModel}),
    another_error=lambda patch: patch.setattr(AutoModelForCausalLM, "_model_mapping", dict[type, type]().get),
)
def test_model_mapping() -> None:
    assert AutoModelForCausalLM._model_mapping[LlamaConfig] is LlamaForCausalLM
    with pytest.raises(KeyError):
        AutoModelForCausalLM._model_mapping[type("UnknownConfig", (), {})]
    rating = AutoModelForSequenceClassification._model_mapping[LlamaConfig]
    assert rating.base_model_prefix == LlamaForCausalLM.base_model_prefix
    sizes = {"vocab_size": 8, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_labels": 1}
    score = rating(LlamaConfig(**sizes, num_attention_heads=2, num_key_value_heads=2)).score
    assert isinstance(score, torch.nn.Linear) and score.bias is None and score.weight.shape == (1, 8)


@canary(
    renamed=lambda patch: patch.setitem(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, "mistral", "MistralLMHeadModel"),
    no_mark=lambda patch: patch.setattr(MambaPreTrainedModel, "_is_stateful", False),
)
def test_causal_classes() -> None:
    assert MODEL_FOR_CAUSAL_LM_MAPPING_NAMES["mistral"] == "MistralForCausalLM"
    assert MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get("chatglm") is None
    assert (MambaForCausalLM._is_stateful, LlamaForCausalLM._is_stateful) == (True, False)


@canary(another_logger=lambda patch: patch.setattr(modeling_utils, "logger", logging.getLogger("transformers.loading")))
def test_missing_weights_logger() -> None:
    logger, said = logging.getLogger("transformers.modeling_utils"), []
    listening = type("Listening", (logging.Handler,), {"emit": lambda self, record: said.append(record.getMessage())})()
    config = BertConfig(vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    level, disabled = logger.level, logger.disabled
    logger.addHandler(listening)
    logger.setLevel(logging.WARNING)  # commands that ran before in this process quieten it
    logger.disabled = False
    try:
        with tempfile.TemporaryDirectory() as directory:
            BertModel(config).save_pretrained(directory)
            AutoModelForQuestionAnswering.from_pretrained(Path(directory))
    finally:
        logger.removeHandler(listening)
        logger.setLevel(level)
        logger.disabled = disabled
    assert any("qa_outputs" in line for line in said), f"it said {said}"
