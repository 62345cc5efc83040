"""What we rely on in peft."""

import peft
import pytest
import torch
from canary import canary
from peft import mapping
from peft.tuners import shira
from peft.tuners.adalora import RankAllocator
from peft.tuners.cartridge import utils as cartridge
from peft.tuners.glora.layer import GloraLayer, GloraLoraPath, GloraVectorPath
from peft.tuners.ia3 import IA3Model
from peft.tuners.lora import LoraLayer
from peft.tuners.multitask_prompt_tuning import MultitaskPromptEmbedding
from peft.utils import other, save_and_load
from transformers import LlamaConfig, LlamaForCausalLM

from models.bottleneck import KIND, BottleneckLayer, BottleneckSettings
from models.legacy import lora, prefix


def tiny_llama() -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=16, hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2, head_dim=8
    )
    return LlamaForCausalLM(config).eval()


@canary(
    as_plain_text=lambda patch: patch.setattr(
        other, "get_pattern_key", lambda keys, name: next((key for key in keys if key == name), name)
    ),
    in_the_middle=lambda patch: patch.setattr(
        other, "get_pattern_key", lambda keys, name: next((key for key in keys if key.strip("^") in name), name)
    ),
)
def test_get_pattern_key() -> None:
    name = "model.layers.1.self_attn.q_proj"
    found = {
        key: other.get_pattern_key([key], name) == key for key in (r"layers\.\d+\.self_attn\.q_proj", "q_proj", "proj")
    }
    assert list(found.values()) == [True, True, False], f"what a pattern matches: {found}"
    assert other.get_pattern_key(["k_proj"], name) == name
    assert other.get_pattern_key(["q_proj", name], name) == "q_proj", "the first pattern no longer counts"


def keys_behind_values(
    past_key_values: list[tuple[torch.Tensor, torch.Tensor]], num_virtual_tokens: int
) -> torch.Tensor:
    stacked = [tensor[0] for key, value in past_key_values for tensor in (value, key)]
    return torch.stack(stacked).permute(2, 0, 1, 3).reshape(num_virtual_tokens, -1)


@canary(
    another_layout=lambda patch: patch.setattr(cartridge, "prompt_embeddings_from_past_key_values", keys_behind_values),
    another_name=lambda patch: patch.setattr(prefix, "EMBEDDINGS", "prefix_embeddings"),
)
def test_prefix_layout() -> None:
    model = tiny_llama()
    cache = model(torch.tensor([[3, 4, 5]]), use_cache=True).past_key_values
    beginning = [(layer.keys.detach(), layer.values.detach()) for layer in cache.layers]
    prefixed = peft.get_peft_model(model, peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3))
    peft.initialize_kv_prefix_from_past_key_values(prefixed, past_key_values=beginning)
    saved = peft.get_peft_model_state_dict(prefixed)
    assert list(saved) == [prefix.EMBEDDINGS], list(saved)
    slots = saved[prefix.EMBEDDINGS].reshape(3, 2, 2, 2, 8)  # [length, layers, key and value, groups, channels]
    for layer, pair in enumerate(beginning):
        for slot, tensor in enumerate(pair):
            assert torch.equal(slots[:, layer, slot], tensor[0].transpose(0, 1)), f"layer {layer}, slot {slot}"


@canary(
    another_name=lambda patch: patch.setattr(
        peft, "get_peft_model_state_dict", lambda model: dict(model.named_parameters())
    )
)
def test_adapter_names() -> None:
    config = peft.LoraConfig(task_type="CAUSAL_LM", r=2, target_modules=["q_proj"], use_dora=True)
    adapter = peft.get_peft_model(tiny_llama(), config)
    saved = peft.get_peft_model_state_dict(adapter)
    updates = {
        f"model.layers.{layer}.self_attn.q_proj": lora.Update(
            2.0, {"lora_A": torch.zeros(2, 16), "lora_B": torch.zeros(16, 2), "lora_magnitude_vector": torch.zeros(16)}
        )
        for layer in range(2)
    }
    expected = lora._named_as_peft_does(updates, {})
    assert {name: tensor.shape for name, tensor in saved.items()} == {n: t.shape for n, t in expected.items()}


def swapped(layer: LoraLayer, *_: object, **__: object) -> None:
    layer.lora_A, layer.lora_B = layer.lora_B, layer.lora_A


@canary(another_order=lambda patch: patch.setattr(LoraLayer, "reset_lora_parameters", swapped))
def test_lora_layer() -> None:
    config = peft.LoraConfig(r=2, lora_alpha=6, target_modules=["q_proj"])
    model = peft.get_peft_model(tiny_llama(), config)
    [layer, *_] = [module for module in model.get_base_model().modules() if isinstance(module, LoraLayer)]
    name = model.active_adapter
    a, b = layer.lora_A[name].weight, layer.lora_B[name].weight
    assert (a.shape, b.shape) == ((2, 16), (16, 2)), "A is [rank, in], B is [out, rank]"
    torch.nn.init.normal_(b)
    x = torch.randn(3, 16)
    expected = layer.get_base_layer()(x) + layer.scaling[name] * x @ a.T @ b.T
    torch.testing.assert_close(layer(x), expected)
    assert layer.scaling[name] == 3.0


def under_the_name_none(model: LlamaForCausalLM, config: peft.PeftConfig) -> peft.PeftModel:
    config.base_model_name_or_path = "None"
    return peft.PeftModelForCausalLM(model, config)


@canary(another_name=lambda patch: patch.setattr(peft, "get_peft_model", under_the_name_none))
def test_no_name_no_hub() -> None:
    asked: list[str] = []
    model = tiny_llama()
    model.name_or_path = ""
    adapter = peft.get_peft_model(model, peft.LoraConfig(task_type="CAUSAL_LM", r=2, target_modules=["q_proj"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(save_and_load, "check_file_exists_on_hf_hub", lambda name, file: asked.append(name))
        peft.get_peft_model_state_dict(adapter)
    assert not asked, f"saving an adapter asks the hub for {asked}"


@canary(
    merges_in_any_case=lambda patch: patch.setattr(IA3Model, "merge_and_unload", lambda self: self.model),
    goes_by_something_else=lambda patch: patch.setattr(IA3Model, "merge_and_unload", lambda self: self.no_such_part),
)
def test_ia3_goes_by_the_mark() -> None:
    model = tiny_llama()
    factors = peft.IA3Config(target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"])
    tuned = peft.get_peft_model(model, factors)
    model.is_loaded_in_4bit = True
    try:
        tuned.merge_and_unload()
    except ValueError:
        refused = True
    else:
        refused = False
    assert refused, "IA3 merges into a model that is marked as 4-bit"
    model.is_loaded_in_4bit = False
    assert tuned.merge_and_unload() is model


def adalora() -> peft.PeftModel:
    settings = peft.AdaLoraConfig(task_type="CAUSAL_LM", target_r=1, init_r=3, target_modules=["q_proj"], total_step=9)
    return peft.get_peft_model(tiny_llama(), settings)


@canary(
    no_means=lambda patch: patch.setattr(RankAllocator, "update_ipt", lambda self, model: None),
    no_masks=lambda patch: patch.setattr(RankAllocator, "mask_to_budget", lambda self, model, budget: {}),
)
def test_rank_allocator() -> None:
    model = adalora()
    allocator, (settings,) = model.base_model.rankallocator, model.peft_config.values()
    torch.manual_seed(1)
    for name, values in model.named_parameters():
        if "lora_" in name:
            values.data = torch.randn(values.shape)
            values.grad = torch.randn(values.shape)
    try:
        model.base_model.update_and_allocate(5)
    except KeyError as error:
        raise AssertionError(f"importance has no mean of {error}") from None
    names = [name for name, _ in model.base_model.model.named_parameters() if "lora_" in name]
    assert sorted(allocator.exp_avg_ipt) == sorted(allocator.exp_avg_unc) == sorted(names)
    left = {name: values != 0 for name, values in model.base_model.model.named_parameters() if "lora_E" in name}
    assert settings.rank_pattern == {name: kept.flatten().tolist() for name, kept in left.items()}
    assert 0 < sum(int(kept.sum()) for kept in left.values()) < 6, "no rank was taken away"
    assert all(not values.requires_grad for name, values in model.named_parameters() if "ranknum" in name)


@canary(
    pissa_leaves_the_weight=lambda patch: patch.setattr(LoraLayer, "pissa_init", lambda self, adapter, name: None),
    olora_leaves_the_weight=lambda patch: patch.setattr(LoraLayer, "olora_init", lambda self, adapter: None),
)
def test_decomposing_starts() -> None:
    for start in (lambda layer: layer.pissa_init("default", "pissa"), lambda layer: layer.olora_init("default")):
        model = peft.get_peft_model(tiny_llama(), peft.LoraConfig(r=2, lora_alpha=6, target_modules=["q_proj"]))
        [layer, *_] = [module for module in model.modules() if isinstance(module, LoraLayer)]
        whole = layer.get_base_layer().weight.detach().clone()
        with torch.no_grad():
            start(layer)
        a, b, rest = layer.lora_A["default"].weight, layer.lora_B["default"].weight, layer.get_base_layer().weight
        assert a.shape == (2, 16) and b.shape == (16, 2) and a.requires_grad and not rest.requires_grad
        assert (rest - whole).abs().max() > 1e-4, "nothing was taken out of the weight"
        torch.testing.assert_close(rest + layer.scaling["default"] * b @ a, whole, rtol=1e-4, atol=1e-5)


def without_logits_of_a_prompt(self: peft.PeftModelForCausalLM, input_ids: torch.Tensor, **_: object) -> object:
    return self.get_base_model()(input_ids=input_ids)


@canary(drops_them=lambda patch: patch.setattr(peft.PeftModelForCausalLM, "forward", without_logits_of_a_prompt))
def test_prompts_have_logits() -> None:
    model = peft.get_peft_model(tiny_llama(), peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3))
    assert model(input_ids=torch.tensor([[1, 2]])).logits.shape[1] == 5, "the prompt has no logits any more"
    (prompt,) = model.prompt_encoder.values()
    assert prompt.embedding.weight.shape == model.word_embeddings(torch.tensor([1, 2, 3])).shape


@canary(not_by_its_name=lambda patch: patch.delitem(mapping.PEFT_TYPE_TO_TUNER_MAPPING, KIND))
def test_a_kind_of_our_own() -> None:
    model = tiny_llama()
    try:
        adapted = peft.get_peft_model(model, BottleneckSettings(width=2, target_modules=["o_proj"]))
    except KeyError:
        raise AssertionError("peft does not find a kind in its table") from None
    [layer, *_] = [module for module in adapted.modules() if isinstance(module, BottleneckLayer)]
    torch.nn.init.normal_(layer.bottleneck_up["default"].weight)
    ids = torch.tensor([[1, 2, 3]])
    with torch.no_grad():
        tuned = adapted(input_ids=ids).logits
        with adapted.disable_adapter():
            assert not torch.equal(adapted(input_ids=ids).logits, tuned), "it is not switched off"
    assert all("bottleneck_" in name for name in peft.get_peft_model_state_dict(adapted)), (
        "more is saved than the adapter"
    )


def with_places_of_its_own(layer: torch.nn.Linear, rank: int, **_: object) -> torch.Tensor:
    return torch.ones_like(layer.weight)


@canary(as_many_as_there_are=lambda patch: patch.setattr(shira.mask_functions, "random_mask", with_places_of_its_own))
def test_shira_places() -> None:
    settings = peft.ShiraConfig(r=2, target_modules=["q_proj"])
    settings.mask_fn = shira.mask_functions.random_mask
    try:
        model = peft.get_peft_model(tiny_llama(), settings)
    except ValueError as error:
        raise AssertionError(f"another number of places: {error}") from None
    [layer, *_] = [module for module in model.modules() if isinstance(module, shira.ShiraLayer)]
    assert layer.shira_indices["default"].shape == (2, 2 * 32) and layer.shira_weight["default"].shape == (64,)
    settings.mask_fn = lambda *_, **__: None
    model = peft.get_peft_model(tiny_llama(), settings)
    [layer, *_] = [module for module in model.modules() if isinstance(module, shira.ShiraLayer)]
    assert "default" not in layer.shira_indices, "without a mask there are places now"


@canary(
    the_other_way=lambda patch: patch.setattr(GloraLoraPath, "forward", lambda self: (self.Xd @ self.Xu).T),
    nothing=lambda patch: patch.setattr(GloraVectorPath, "forward", lambda self: torch.zeros_like(self.X)),
)
def test_glora_paths() -> None:
    settings = peft.GloraConfig(r=2, target_modules=["up_proj"], config_D_E="vector")
    model = tiny_llama()
    layer = model.model.layers[0].mlp.up_proj
    layer.bias = torch.nn.Parameter(torch.randn(layer.out_features))
    whole, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    adapted = peft.get_peft_model(model, settings)
    [layer, *_] = [module for module in adapted.modules() if isinstance(module, GloraLayer)]
    paths = {name: getattr(layer, f"glora_{name}")["default"] for name in "ABCDE"}
    for values in layer.parameters():
        if values.requires_grad:
            torch.nn.init.normal_(values)
    a, b, c = (paths[name].Xd @ paths[name].Xu for name in "ABC")
    x = torch.randn(3, 16)
    expected = x @ (whole + whole * a + b).T + bias + bias * paths["D"].X + paths["E"].X + (whole @ c)[:, 0]
    try:
        torch.testing.assert_close(layer(x), expected, rtol=1e-3, atol=1e-3)
    except RuntimeError as error:
        raise AssertionError(f"another shape: {error}") from None


def prompt_alone(self: MultitaskPromptEmbedding, indices: torch.Tensor, task_ids: torch.Tensor) -> torch.Tensor:
    prompt: torch.Tensor = self.embedding(indices)
    return prompt


@canary(without_tasks=lambda patch: patch.setattr(MultitaskPromptEmbedding, "forward", prompt_alone))
def test_task_prompts() -> None:
    settings = peft.MultitaskPromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3, num_tasks=2)
    model = peft.get_peft_model(tiny_llama(), settings)
    (prompts,) = model.prompt_encoder.values()
    assert prompts.prefix_task_cols.shape == (2, 3, 1) and prompts.prefix_task_rows.shape == (2, 1, 16)
    found = model.get_prompt(2, task_ids=torch.tensor([1, 0]))
    scaled = prompts.prefix_task_cols @ prompts.prefix_task_rows
    torch.testing.assert_close(found, prompts.embedding.weight * scaled[[1, 0]])
