"""Every method on the class of every family, as random models of two layers: attached, saved, loaded again, merged."""

import copy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import GlmConfig, GlmForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from models.beside_base import on_base
from models.families.baichuan_alibi import BaichuanAlibiForCausalLM
from training.methods import METHODS
from training.methods.method import Method

SIZES = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "pad_token_id": 0,
}
FAMILIES: dict[str, Callable[[], PreTrainedModel]] = {
    "chatglm": lambda: GlmForCausalLM(
        GlmConfig(**SIZES, num_key_value_heads=2, head_dim=8, attention_bias=True, eos_token_id=1)
    ),
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SIZES, num_key_value_heads=2)),
    "baichuan_13b": lambda: BaichuanAlibiForCausalLM(LlamaConfig(**SIZES)),
}
SMALL: dict[str, dict[str, Any]] = {
    "oft": {"block_size": 8},
    "adalora": {"rank": 2, "initial_rank": 4},
    "vera": {"rank": 8},
    "bottleneck": {"width": 4},
    **{kind: {"rank": 4} for kind in ("lora", "miss", "hira", "shira", "glora")},
    **{kind: {"prompt_length": 3} for kind in ("prompt_tuning", "multitask_prompt", "ptuning")},
    "ptuning_v2": {"prefix_length": 3},
}
QUICK = [("bottleneck", "chatglm"), ("glora", "chatglm"), ("shira", "baichuan_13b"), ("multitask_prompt", "chatglm")]
PAIRS = [(kind, family) for kind in METHODS if kind != "full" for family in FAMILIES]
IDS = torch.tensor([[9, 8, 7, 6, 5, 4]])


@cache
def base_of(family: str) -> PreTrainedModel:
    torch.manual_seed(7)
    return FAMILIES[family]().eval()


def logits(model: torch.nn.Module) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model.eval()(input_ids=IDS, use_cache=False).logits
    return found


@pytest.mark.parametrize(
    ("kind", "family"), [pytest.param(*pair, marks=() if pair in QUICK else pytest.mark.slow) for pair in PAIRS]
)
def test_what_is_saved_is_what_was_trained(kind: str, family: str, tmp_path: Path) -> None:
    method: Method[Any] = METHODS[kind]
    config, before = method.config(**SMALL.get(kind, {})), logits(base_of(family))
    model = method.attach(copy.deepcopy(base_of(family)), config)
    torch.manual_seed(1)
    with torch.no_grad():
        for values in model.parameters():
            if values.requires_grad:
                values += 0.1 * torch.randn(values.shape)
    trained = logits(model)
    assert (trained - before).abs().max() > 1e-3
    if method.base_is_kept(config):
        with model.disable_adapter():
            torch.testing.assert_close(logits(model), before, rtol=0, atol=0)
    beside: Any = SimpleNamespace(hub_name="a/base", path=tmp_path, prompt_format=SimpleNamespace(save=lambda _: None))
    method.save(model, tmp_path, beside, torch.float32)
    loaded = on_base(copy.deepcopy(base_of(family)), tmp_path)
    torch.testing.assert_close(logits(loaded), trained, rtol=1e-4, atol=1e-4)
    if method.result == "mergeable":
        torch.testing.assert_close(logits(loaded.merge_and_unload()), trained, rtol=1e-3, atol=1e-3)
