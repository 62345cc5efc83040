"""Old adapters on the native classes: the same numbers as on the original ones, or a refusal that says why."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, PrefixTuningConfig, get_peft_model
from safetensors.torch import load_file
from transformers import DynamicCache, GlmConfig, GlmForCausalLM

from common.errors import UserError
from models.config import NO_HINTS, Hints
from models.export import keep_origin
from models.legacy.lora import import_lora
from models.legacy.prefix import export_prefix, import_prefix
from models.loading import load_model, open_checkpoint

RANK, ALPHA = 4, 12
IDS = torch.arange(3, 20)[None]

PUBLISHED = {
    "_name_or_path": "THUDM/chatglm2-6b",
    "architectures": ["ChatGLMModel"],
    "padded_vocab_size": 96,
    "hidden_size": 48,
    "ffn_hidden_size": 56,
    "num_layers": 2,
    "num_attention_heads": 6,
    "multi_query_group_num": 2,
    "kv_channels": 8,
    "add_qkv_bias": True,
    "attention_dropout": 0.0,
    "layernorm_epsilon": 1e-5,
    "seq_length": 128,
    "rope_ratio": 4,
}

GLM_LAYERS = ("self_attention.query_key_value", "self_attention.dense", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h")
BAICHUAN_LAYERS = ("self_attn.W_pack", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")


def original_model(directory: Path, config: dict[str, Any], sizes: dict[str, tuple[int, ...]]) -> Path:
    """Writes random weights of the given sizes in original layout."""
    generator = torch.Generator().manual_seed(1)
    directory.mkdir()
    weights = {name: torch.randn(size, generator=generator) * 0.3 for name, size in sizes.items()}
    torch.save(weights, directory / "pytorch_model.bin")
    (directory / "config.json").write_text(json.dumps(config))
    return directory


@pytest.fixture(scope="module")
def chatglm2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random ChatGLM2 in original layout, with linearly scaled positions as in chatglm2-6b-32k."""
    sizes: dict[str, tuple[int, ...]] = {
        "transformer.embedding.word_embeddings.weight": (96, 48),
        "transformer.output_layer.weight": (96, 48),
        "transformer.encoder.final_layernorm.weight": (48,),
    }
    for layer in range(2):
        block = f"transformer.encoder.layers.{layer}"
        sizes |= {f"{block}.{name}.weight": (48,) for name in ("input_layernorm", "post_attention_layernorm")}
        sizes |= {
            f"{block}.self_attention.query_key_value.weight": (80, 48),
            f"{block}.self_attention.query_key_value.bias": (80,),
            f"{block}.self_attention.dense.weight": (48, 48),
            f"{block}.mlp.dense_h_to_4h.weight": (112, 48),
            f"{block}.mlp.dense_4h_to_h.weight": (48, 56),
        }
    return original_model(tmp_path_factory.mktemp("base") / "chatglm2", PUBLISHED, sizes)


@pytest.fixture(scope="module")
def baichuan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Baichuan with rotary positions in original layout; of either generation, as ``norm_head`` says."""
    config = {
        **{"architectures": ["BaichuanForCausalLM"], "vocab_size": 96, "hidden_size": 48, "intermediate_size": 56},
        **{"num_hidden_layers": 2, "num_attention_heads": 6, "hidden_act": "silu", "rms_norm_eps": 1e-6},
        **{"initializer_range": 0.02, "max_position_embeddings": 128},
        **{"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
    }
    sizes: dict[str, tuple[int, ...]] = {
        **{"model.embed_tokens.weight": (96, 48), "lm_head.weight": (96, 48), "model.norm.weight": (48,)},
    }
    for layer in range(2):
        block = f"model.layers.{layer}"
        sizes |= {f"{block}.{name}.weight": (48,) for name in ("input_layernorm", "post_attention_layernorm")}
        sizes |= {f"{block}.self_attn.W_pack.weight": (144, 48), f"{block}.self_attn.o_proj.weight": (48, 48)}
        sizes |= {f"{block}.mlp.{name}_proj.weight": (56, 48) for name in ("gate", "up")}
        sizes |= {f"{block}.mlp.down_proj.weight": (48, 56)}
    return original_model(tmp_path_factory.mktemp("base") / "baichuan", config, sizes)


def converted(base: Path, directory: Path) -> Path:
    """The same model in native layout."""
    load_model(base).save_pretrained(directory)
    keep_origin(*open_checkpoint(base), directory)
    return directory


def old_adapter(
    directory: Path, base: Path, layers: tuple[str, ...], infix: str = "", **settings: Any
) -> dict[str, torch.Tensor]:
    """Writes a random LoRA adapter for original layers and returns what it adds to each weight."""
    weights = torch.load(base / "pytorch_model.bin", weights_only=True)
    generator = torch.Generator().manual_seed(7)
    tensors, added = {}, {}
    for name, weight in weights.items():
        module = name.removesuffix(".weight")
        if not module.endswith(layers):
            continue
        rank = settings.get("rank_pattern", {}).get(module.rpartition(".")[2], RANK)
        down = torch.randn(rank, weight.shape[1], generator=generator) * 0.1
        up = torch.randn(len(weight), rank, generator=generator) * 0.1
        tensors[f"base_model.model.{module}.lora_A{infix}.weight"] = down
        tensors[f"base_model.model.{module}.lora_B{infix}.weight"] = up
        alpha = settings.get("alpha_pattern", {}).get(module.rpartition(".")[2], ALPHA)
        added[name] = up @ down * (alpha / (rank**0.5 if settings.get("use_rslora") else rank))
    assert tensors
    targets = sorted({layer.rpartition(".")[2] for layer in layers})
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": RANK, "lora_alpha": ALPHA, "target_modules": targets}
    directory.mkdir()
    (directory / "adapter_config.json").write_text(json.dumps(config | settings))
    torch.save(tensors, directory / "adapter_model.bin")
    return added


def merged_original(base: Path, added: dict[str, torch.Tensor], directory: Path) -> Path:
    """The original checkpoint with the update in its own, fused weights."""
    shutil.copytree(base, directory)
    weights = torch.load(base / "pytorch_model.bin", weights_only=True)
    torch.save(
        weights | {name: weights[name].float() + update for name, update in added.items()},
        directory / "pytorch_model.bin",
    )
    return directory


def logits(model: torch.nn.Module, **inputs: Any) -> torch.Tensor:
    with torch.inference_mode():
        return model(**(inputs or {"input_ids": IDS})).logits


def imported(base: Path, adapter: Path, hints: Hints = NO_HINTS) -> torch.Tensor:
    """The logits of the adapter as it is read back from disk."""
    out = adapter.with_name("imported")
    import_lora(adapter, base, out, hints)
    return logits(PeftModel.from_pretrained(load_model(base, hints=hints), out))


@pytest.mark.parametrize(
    ("infix", "settings"),
    [
        ("", {"lora_dropout": 0.05, "fan_in_fan_out": True, "bias": "none", "modules_to_save": None}),
        (".default", {"use_rslora": True, "init_lora_weights": True}),
        ("", {"rank_pattern": {"query_key_value": 6}, "alpha_pattern": {"dense": 3}}),
    ],
)
def test_lora_on_fused_layers_gives_the_logits_of_the_merged_original(
    chatglm2: Path, tmp_path: Path, infix: str, settings: dict[str, Any]
) -> None:
    added = old_adapter(tmp_path / "old", chatglm2, GLM_LAYERS, infix, **settings)
    expected = logits(load_model(merged_original(chatglm2, added, tmp_path / "chatglm2")))
    torch.testing.assert_close(imported(chatglm2, tmp_path / "old"), expected, atol=1e-5, rtol=0)
    assert (expected - logits(load_model(chatglm2))).abs().max() > 0.1
    config = json.loads((tmp_path / "imported" / "adapter_config.json").read_text())
    assert config["target_modules"] == ["down_proj", "gate_up_proj", "k_proj", "o_proj", "q_proj", "v_proj"]
    assert (config["r"], config["lora_alpha"]) == (RANK, ALPHA)
    assert config["lora_dropout"] == settings.get("lora_dropout", 0)


def test_only_some_layers(chatglm2: Path, tmp_path: Path) -> None:
    layers = ("layers.1.self_attention.query_key_value",)
    chosen: dict[str, Any] = {"target_modules": ["query_key_value"], "layers_to_transform": [1]}
    added = old_adapter(tmp_path / "old", chatglm2, layers, **chosen)
    expected = logits(load_model(merged_original(chatglm2, added, tmp_path / "chatglm2")))
    torch.testing.assert_close(imported(chatglm2, tmp_path / "old"), expected, atol=1e-5, rtol=0)
    del chosen["layers_to_transform"]
    old_adapter(tmp_path / "cut", chatglm2, layers, **chosen)
    with pytest.raises(UserError, match=r"no tensors for 3 of 6 layers: model.layers.0.self_attn.k_proj"):
        import_lora(tmp_path / "cut", chatglm2, tmp_path / "out")


def test_dora_magnitudes_are_cut_like_the_rows(chatglm2: Path, tmp_path: Path) -> None:
    added = old_adapter(tmp_path / "old", chatglm2, GLM_LAYERS[:1], use_dora=True)
    weights = torch.load(chatglm2 / "pytorch_model.bin", weights_only=True)
    tensors = torch.load(tmp_path / "old" / "adapter_model.bin", weights_only=True)
    for name, update in added.items():
        magnitude = torch.rand(len(update), generator=torch.Generator().manual_seed(3)) + 0.5
        tensors[f"base_model.model.{name.removesuffix('.weight')}.lora_magnitude_vector"] = magnitude
        tuned = weights[name] + update
        added[name] = tuned / tuned.norm(dim=1, keepdim=True) * magnitude[:, None] - weights[name]
    torch.save(tensors, tmp_path / "old" / "adapter_model.bin")
    expected = logits(load_model(merged_original(chatglm2, added, tmp_path / "chatglm2")))
    torch.testing.assert_close(imported(chatglm2, tmp_path / "old"), expected, atol=1e-5, rtol=0)


def test_layers_saved_whole_come_along(chatglm2: Path, tmp_path: Path) -> None:
    added = old_adapter(
        tmp_path / "old", chatglm2, GLM_LAYERS, modules_to_save=["word_embeddings", "output_layer"], bias="none"
    )
    tensors = torch.load(tmp_path / "old" / "adapter_model.bin", weights_only=True)
    for name in ("transformer.embedding.word_embeddings.weight", "transformer.output_layer.weight"):
        added[name] = torch.randn(96, 48, generator=torch.Generator().manual_seed(5))
        tensors[f"base_model.model.{name}"] = (
            torch.load(chatglm2 / "pytorch_model.bin", weights_only=True)[name] + added[name]
        )
    torch.save(tensors, tmp_path / "old" / "adapter_model.bin")
    expected = logits(load_model(merged_original(chatglm2, added, tmp_path / "chatglm2")))
    torch.testing.assert_close(imported(chatglm2, tmp_path / "old"), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("family", "layers"),
    [("chatglm2", GLM_LAYERS), ("baichuan-7b", BAICHUAN_LAYERS), ("baichuan-13b", BAICHUAN_LAYERS)],
)
def test_lora_on_the_oracle(shared: Path, tmp_path: Path, family: str, layers: tuple[str, ...]) -> None:
    base = shared / "oracle" / family / "hub_bin"
    added = old_adapter(tmp_path / "old", base, layers)
    expected = logits(load_model(merged_original(base, added, tmp_path / "merged")))
    torch.testing.assert_close(imported(base, tmp_path / "old"), expected, atol=1e-5, rtol=0)
    assert (expected - logits(load_model(base))).abs().max() > 0.1


@pytest.mark.parametrize("norm_head", [False, True])
def test_fused_layers_and_output_layer_of_both_baichuans(baichuan: Path, tmp_path: Path, norm_head: bool) -> None:
    added = old_adapter(tmp_path / "old", baichuan, BAICHUAN_LAYERS, modules_to_save=["lm_head"])
    head = torch.randn(96, 48, generator=torch.Generator().manual_seed(5))
    tensors = torch.load(tmp_path / "old" / "adapter_model.bin", weights_only=True)
    torch.save(tensors | {"base_model.model.lm_head.weight": head}, tmp_path / "old" / "adapter_model.bin")
    added["lm_head.weight"] = head - torch.load(baichuan / "pytorch_model.bin", weights_only=True)["lm_head.weight"]
    merged = merged_original(baichuan, added, tmp_path / "merged")
    expected = logits(load_model(merged, hints=Hints(norm_head=norm_head)))
    found = imported(baichuan, tmp_path / "old", Hints(norm_head=norm_head))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_the_base_may_have_been_converted_before(chatglm2: Path, tmp_path: Path) -> None:
    native = converted(chatglm2, tmp_path / "native")
    added = old_adapter(tmp_path / "old", chatglm2, GLM_LAYERS)
    expected = logits(load_model(merged_original(chatglm2, added, tmp_path / "chatglm2")))
    torch.testing.assert_close(imported(native, tmp_path / "old"), expected, atol=1e-5, rtol=0)
    prefix_checkpoint(tmp_path / "checkpoint-10", 5, 64, projected=False)
    import_prefix(tmp_path / "checkpoint-10", native, tmp_path / "prefix")
    export_prefix(tmp_path / "prefix", native, tmp_path / "back")
    before, after = (json.loads((tmp_path / name / "config.json").read_text()) for name in ("checkpoint-10", "back"))
    assert after == before


def alpaca_adapter(directory: Path, base: Path, **settings: Any) -> None:
    """As peft 0.2 wrote it for tloen/alpaca-lora and for Bencao."""
    hidden = json.loads((base / "config.json").read_text())["hidden_size"]
    generator = torch.Generator().manual_seed(7)
    tensors = {}
    for layer in range(2):
        for name in ("q_proj", "v_proj"):
            module = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            tensors[f"{module}.lora_A.weight"] = torch.randn(8, hidden, generator=generator).half() * 0.3
            tensors[f"{module}.lora_B.weight"] = torch.randn(hidden, 8, generator=generator).half() * 0.3
    config = {
        "base_model_name_or_path": "decapoda-research/llama-7b-hf",
        "bias": "none",
        "enable_lora": None,
        "fan_in_fan_out": False,
        "inference_mode": True,
        "lora_alpha": 16,
        "lora_dropout": 0.05,
        "merge_weights": False,
        "modules_to_save": None,
        "peft_type": "LORA",
        "r": 8,
        "target_modules": ["q_proj", "v_proj"],
        "task_type": "CAUSAL_LM",
    }
    directory.mkdir()
    (directory / "adapter_config.json").write_text(json.dumps(config | settings))
    torch.save(tensors, directory / "adapter_model.bin")


def test_an_alpaca_lora_adapter_loads_on_llama(tiny_base: Path, tmp_path: Path) -> None:
    alpaca_adapter(tmp_path / "old", tiny_base)
    with torch.inference_mode():
        expected = load_model(tiny_base)
        tensors = torch.load(tmp_path / "old" / "adapter_model.bin", weights_only=True)
        for name, down in tensors.items():
            if ".lora_A." in name:
                up = tensors[name.replace("lora_A", "lora_B")].float()
                module = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
                expected.get_submodule(module).weight += up @ down.float() * 16 / 8
    torch.testing.assert_close(imported(tiny_base, tmp_path / "old"), logits(expected), atol=1e-5, rtol=0)


def test_an_adapter_of_todays_peft_stays_what_it_is(tiny_base: Path, tmp_path: Path) -> None:
    config = LoraConfig(task_type="CAUSAL_LM", target_modules="all-linear", init_lora_weights=False, use_dora=True)
    model = get_peft_model(load_model(tiny_base), config).eval()
    model.save_pretrained(tmp_path / "new")
    expected = logits(model)
    torch.testing.assert_close(imported(tiny_base, tmp_path / "new"), expected, atol=0, rtol=0)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"bias": "all"}, r"bias='all' \(it also changes the biases"),
        ({"enable_lora": [True, False, True]}, r"enable_lora=\[True, False, True\] \(peft 0.2"),
        ({"init_lora_weights": "pissa"}, "changes the base before training"),
        ({"peft_type": "ADALORA"}, "a ADALORA adapter, not LoRA"),
        ({"lora_alpha": None}, "lora_alpha missing"),
        ({"trainable_token_indices": [3]}, r"trainable_token_indices=\[3\]"),
    ],
)
def test_what_cannot_be_carried_over_is_refused(
    tiny_base: Path, tmp_path: Path, settings: dict[str, Any], reason: str
) -> None:
    alpaca_adapter(tmp_path / "old", tiny_base, **settings)
    with pytest.raises(UserError, match=reason):
        import_lora(tmp_path / "old", tiny_base, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def _empty(tensors: dict[str, torch.Tensor]) -> None:
    tensors.clear()


def _unknown(tensors: dict[str, torch.Tensor]) -> None:
    tensors["base_model.model.score.weight"] = torch.zeros(2)
    tensors["base_model.model.model.embed_tokens.lora_embedding_A"] = torch.zeros(2)


def _half(tensors: dict[str, torch.Tensor]) -> None:
    del tensors["base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight"]


def _foreign(tensors: dict[str, torch.Tensor]) -> None:
    for name in list(tensors):
        tensors[name.replace("q_proj", "W_pack")] = tensors.pop(name)


def _too_wide(tensors: dict[str, torch.Tensor]) -> None:
    name = "base_model.model.model.layers.0.self_attn.v_proj.lora_B.weight"
    tensors[name] = torch.zeros(len(tensors[name]) + 1, 8)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_empty, "alpaca-lora's training script"),
        (_unknown, "2 unknown tensors: base_model.model.model.embed_tokens.lora_embedding_A, base_model.model.score"),
        (_half, "not all of lora_A, lora_B exist for: model.layers.1.self_attn.q_proj"),
        (_foreign, "model.layers.0.self_attn.W_pack is not a linear layer of it; model.layers.1"),
        (_too_wide, "model.layers.0.self_attn.v_proj is 64 x 64 there, 65 x 64 here"),
    ],
)
def test_a_damaged_adapter_is_refused(
    tiny_base: Path, tmp_path: Path, damage: Callable[[dict[str, torch.Tensor]], None], reason: str
) -> None:
    alpaca_adapter(tmp_path / "old", tiny_base)
    file = tmp_path / "old" / "adapter_model.bin"
    tensors = torch.load(file, weights_only=True)
    damage(tensors)
    torch.save(tensors, file)
    with pytest.raises(UserError, match=re.escape(reason)):
        import_lora(tmp_path / "old", tiny_base, tmp_path / "out")


class Malicious:
    """Would run code where a file is unpickled without ``weights_only``."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("code from the file was run",))


def test_no_code_from_an_adapter_is_run(tiny_base: Path, tmp_path: Path) -> None:
    alpaca_adapter(tmp_path / "old", tiny_base)
    torch.save({"weight": Malicious()}, tmp_path / "old" / "adapter_model.bin")
    with pytest.raises(UserError, match="cannot be read"):
        import_lora(tmp_path / "old", tiny_base, tmp_path / "out")


def prefix_checkpoint(directory: Path, length: int, width: int, *, projected: bool) -> torch.Tensor:
    """Writes a random original P-Tuning v2 checkpoint and returns the prefix it stands for, flat."""
    generator = torch.Generator().manual_seed(11)
    embedding = torch.randn(length, width, generator=generator)
    weights, flat = {"embedding.weight": embedding}, embedding
    if projected:
        down, up = torch.randn(48, width, generator=generator) * 0.1, torch.randn(width, 48, generator=generator)
        bias_down, bias_up = torch.randn(48, generator=generator), torch.randn(width, generator=generator)
        weights |= {"trans.0.weight": down, "trans.0.bias": bias_down, "trans.2.weight": up, "trans.2.bias": bias_up}
        flat = (embedding @ down.T + bias_down).tanh() @ up.T + bias_up
    directory.mkdir()
    torch.save({f"transformer.prefix_encoder.{k}": v for k, v in weights.items()}, directory / "pytorch_model.bin")
    config = PUBLISHED | {"pre_seq_len": length, "prefix_projection": projected}
    (directory / "config.json").write_text(json.dumps(config))
    return flat


def original_logits(model: GlmForCausalLM, prefix: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """As the original computes them: prefix keys as they are, the text at positions 0, 1, …"""
    config = model.config
    shape = (1, len(prefix), 2 * config.num_hidden_layers, config.num_key_value_heads, config.head_dim)
    layers = prefix.view(shape).permute(2, 0, 3, 1, 4).split(2)
    return logits(
        model, input_ids=ids, past_key_values=DynamicCache(layers), position_ids=torch.arange(ids.shape[1])[None]
    )


@pytest.mark.parametrize("projected", [False, True])
@pytest.mark.parametrize("meaning", ["linear", "base"])
def test_a_prefix_acts_as_in_the_original(chatglm2: Path, tmp_path: Path, projected: bool, meaning: str) -> None:
    prefix = prefix_checkpoint(tmp_path / "checkpoint-10", 5, 2 * 2 * 2 * 8, projected=projected)
    import_prefix(tmp_path / "checkpoint-10", chatglm2, tmp_path / "prefix", Hints(rope_ratio=meaning))
    base = load_model(chatglm2, hints=Hints(rope_ratio=meaning))
    expected = original_logits(base, prefix, IDS)
    tuned = PeftModel.from_pretrained(base, tmp_path / "prefix")
    torch.testing.assert_close(logits(tuned), expected, atol=1e-5, rtol=0)
    assert (expected - logits(tuned.get_base_model())).abs().max() > 0.1


def test_the_oracles_prefix(shared: Path, tmp_path: Path) -> None:
    base = shared / "oracle" / "chatglm2" / "hub_bin"
    oracle = np.load(shared / "oracle" / "chatglm2_ptuning_noproj" / "oracle.npz")
    import_prefix(shared / "oracle" / "chatglm2_ptuning_noproj" / "checkpoint-100", base, tmp_path / "prefix")
    model = PeftModel.from_pretrained(load_model(base), tmp_path / "prefix")
    for name in ("single_a", "single_b", "single_c"):
        ids = torch.tensor(oracle[f"{name}.input_ids"])
        difference = logits(model, input_ids=ids) - torch.tensor(oracle[f"{name}.logits"])
        assert difference.abs().max() < 1e-5
        assert greedy(model, ids, torch.ones_like(ids)) == oracle[f"{name}.generated"][0].tolist()
    left = {name: torch.tensor(oracle[f"left.{name}"]) for name in ("input_ids", "attention_mask", "position_ids")}
    difference = logits(model, **left) - torch.tensor(oracle["left.logits"])
    assert difference[left["attention_mask"] == 1].abs().max() < 1e-5


def greedy(model: PeftModel, ids: torch.Tensor, mask: torch.Tensor) -> list[int]:
    output = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=20, do_sample=False, pad_token_id=0)
    return output[0].tolist()


def test_left_padding_does_not_change_what_a_prefix_generates(chatglm2: Path, tmp_path: Path) -> None:
    prefix_checkpoint(tmp_path / "checkpoint-10", 5, 64, projected=False)
    import_prefix(tmp_path / "checkpoint-10", chatglm2, tmp_path / "prefix")
    model = PeftModel.from_pretrained(load_model(chatglm2), tmp_path / "prefix")
    padded = torch.cat([torch.zeros(1, 6, dtype=torch.long), IDS], dim=1)
    mask = (torch.arange(padded.shape[1]) >= 6).long()[None]
    assert greedy(model, padded, mask)[6:] == greedy(model, IDS, torch.ones_like(IDS))


def test_a_prefix_goes_out_and_comes_back(chatglm2: Path, tmp_path: Path) -> None:
    model = get_peft_model(load_model(chatglm2), PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=5)).eval()
    model.save_pretrained(tmp_path / "trained")
    export_prefix(tmp_path / "trained", chatglm2, tmp_path / "checkpoint-1")
    config = json.loads((tmp_path / "checkpoint-1" / "config.json").read_text())
    assert config == PUBLISHED | {"pre_seq_len": 5, "prefix_projection": False}
    weights = torch.load(tmp_path / "checkpoint-1" / "pytorch_model.bin", weights_only=True)
    assert list(weights) == ["transformer.prefix_encoder.embedding.weight"]
    expected = logits(model)
    [prefix] = weights.values()
    found = original_logits(model.get_base_model(), prefix, IDS)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    import_prefix(tmp_path / "checkpoint-1", chatglm2, tmp_path / "back")
    before, after = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("trained", "back"))
    torch.testing.assert_close(after, before, atol=1e-6, rtol=1e-6)


def test_what_is_no_prefix_for_this_base_is_refused(chatglm2: Path, tiny_base: Path, tmp_path: Path) -> None:
    def refused(reason: str, source: Path, base: Path = chatglm2) -> None:
        with pytest.raises(UserError, match=reason):
            import_prefix(source, base, tmp_path / "out")

    checkpoint = tmp_path / "checkpoint-10"
    prefix_checkpoint(checkpoint, 5, 64, projected=False)
    refused("the authors of llama published no P-Tuning v2 format", checkpoint, tiny_base)
    refused("no P-Tuning v2 prefix here", chatglm2)
    prefix_checkpoint(tmp_path / "wide", 5, 96, projected=False)
    refused("96 values per position, the base has 64", tmp_path / "wide")
    (checkpoint / "config.json").write_text(json.dumps({"pre_seq_len": 128}))
    refused("pre_seq_len is 128 here, but 5 by the weights", checkpoint)
    (checkpoint / "config.json").unlink()
    weights = torch.load(checkpoint / "pytorch_model.bin", weights_only=True)
    torch.save(weights | {"transformer.output_layer.weight": torch.zeros(96, 48)}, checkpoint / "pytorch_model.bin")
    refused("1 weights besides the prefix", checkpoint)
    torch.save(
        weights | {"transformer.prefix_encoder.trans.0.weight": torch.zeros(2)}, checkpoint / "pytorch_model.bin"
    )
    refused("not a prefix of ChatGLM2 or 3", checkpoint)


def test_what_cannot_go_out_is_refused(chatglm2: Path, tiny_base: Path, tmp_path: Path) -> None:
    prefix_checkpoint(tmp_path / "checkpoint-10", 5, 64, projected=False)
    import_prefix(tmp_path / "checkpoint-10", chatglm2, tmp_path / "prefix")
    with pytest.raises(UserError, match="the authors of llama published no P-Tuning v2 format"):
        export_prefix(tmp_path / "prefix", tiny_base, tmp_path / "out")
    sizes = {"vocab_size": 96, "hidden_size": 48, "intermediate_size": 56, "num_hidden_layers": 2, "head_dim": 8}
    heads = {"num_attention_heads": 6, "num_key_value_heads": 2, "pad_token_id": 0, "eos_token_id": 2}
    GlmForCausalLM(GlmConfig(**sizes, **heads)).save_pretrained(tmp_path / "native")
    with pytest.raises(UserError, match="no file here has the configuration of the original layout"):
        export_prefix(tmp_path / "prefix", tmp_path / "native", tmp_path / "out", Hints(family="chatglm"))
    (tmp_path / "prefix" / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    with pytest.raises(UserError, match="a LORA adapter, not a prefix"):
        export_prefix(tmp_path / "prefix", chatglm2, tmp_path / "out")
