"""Families: the published layouts load natively, compute what the original code computes, and convert back."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, PreTrainedModel

from common.errors import UserError
from domains.medical.knowledge_base import KNOWLEDGE
from domains.prose import corpus
from models.config import Hints, StandInConfig
from models.convert import main as convert
from models.families.baichuan_alibi import BaichuanAlibiForCausalLM, alibi_slopes
from models.families.family import Checkpoint, ModelFamily
from models.gguf_export.writer import check_gguf
from models.loading import FAMILIES, family_named, load_model, load_tokenizer, open_checkpoint
from models.stand_ins import LIKENESSES, build
from models.tokenizers.sentencepiece import read_model
from tests.models.test_decoding import staggered

ORACLES = ("chatglm2", "baichuan-7b", "baichuan-13b")
TOLERANCE = 1e-5  # float32, |logits| up to 6


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An untrained stand-in for every published model."""
    prose = corpus(KNOWLEDGE.load(), KNOWLEDGE)[:200]
    directories = {}
    for name in LIKENESSES:
        directories[name] = tmp_path_factory.mktemp(name)
        config = StandInConfig.model_validate({"of": name, "vocab_size": 1000, "hidden_size": 64, "steps": 0})
        build(prose, config, directories[name])
    return directories


@pytest.fixture(params=sorted(LIKENESSES))
def stand_in(request: pytest.FixtureRequest, stand_ins: dict[str, Path]) -> Path:
    return stand_ins[request.param]


@pytest.fixture(params=[f"{name}/{layout}" for name in ORACLES for layout in ("hub_bin", "hub_safetensors")])
def oracle(request: pytest.FixtureRequest, shared: Path) -> Path:
    return shared / "oracle" / request.param


def recorded(oracle: Path) -> dict[str, torch.Tensor]:
    with np.load(oracle.parent / "oracle.npz") as arrays:
        return {name: torch.tensor(arrays[name]) for name in arrays.files}


@torch.no_grad()
def logits(model: PreTrainedModel, ids: torch.Tensor, **more: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = model(input_ids=ids, **more).logits
    return result


def some_ids(model: PreTrainedModel, *shape: int) -> torch.Tensor:
    return torch.randint(3, model.config.vocab_size, shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_logits_and_greedy_tokens_are_those_of_the_original_code(oracle: Path, attention: str) -> None:
    model, expected = load_model(oracle), recorded(oracle)
    model.set_attn_implementation(attention)
    for case in "abc":
        ids = expected[f"single_{case}.input_ids"].reshape(1, -1)
        wanted = expected[f"single_{case}.logits"].reshape(1, ids.shape[1], -1)
        assert (logits(model, ids) - wanted).abs().max() < TOLERANCE
        generated = model.generate(ids, max_new_tokens=20, do_sample=False)[0, ids.shape[1] :]
        assert generated.tolist() == expected[f"single_{case}.generated"].reshape(-1)[-20:].tolist()


@pytest.mark.parametrize("side", ["left", "right"])
def test_padded_batches_give_the_recorded_logits_with_and_without_positions(oracle: Path, side: str) -> None:
    model, expected = load_model(oracle), recorded(oracle)
    ids, mask, wanted = (expected[f"{side}.{name}"] for name in ("input_ids", "attention_mask", "logits"))
    for more in ({}, {"position_ids": expected[f"{side}.position_ids"]}):
        difference = (logits(model, ids, attention_mask=mask, **more) - wanted).abs().amax(-1)
        assert (difference * mask).max() < TOLERANCE


def test_left_padded_generation_is_the_recorded_one(oracle: Path) -> None:
    model, expected = load_model(oracle), recorded(oracle)
    ids, mask = expected["left.input_ids"], expected["left.attention_mask"]
    generated = model.generate(ids, attention_mask=mask, max_new_tokens=20, do_sample=False)
    assert generated[:, -20:].tolist() == expected["left.generated"][:, -20:].tolist()


def test_loss_and_gradients_are_the_recorded_ones(oracle: Path) -> None:
    model, expected = load_model(oracle), recorded(oracle)
    ids, mask = expected["right.input_ids"], expected["right.attention_mask"]
    loss = model(input_ids=ids, attention_mask=mask, labels=expected["loss.labels"], use_cache=False).loss
    loss.backward()
    assert float(loss) == pytest.approx(float(expected["loss.value"]), abs=1e-5)
    norms = json.loads((oracle.parent / "oracle.json").read_text())["grad_norms"]
    for name, squared in fused_gradients(model, oracle).items():
        assert squared**0.5 == pytest.approx(norms[name], rel=1e-4), name


def fused_gradients(model: PreTrainedModel, directory: Path) -> dict[str, float]:
    """Squared gradient norms under the original parameters' names."""
    family, _ = open_checkpoint(directory)
    assert family.original is not None
    with torch.no_grad():
        for parameter in model.parameters():
            assert parameter.grad is not None
            parameter.copy_(parameter.grad)
    from models.export import reverted

    tensors = reverted(model, family.original.transforms(model.config))
    return {name: float(tensor.double().square().sum()) for name, tensor in tensors.items()}


def test_original_to_native_and_back_gives_the_same_logits(stand_in: Path, tmp_path: Path) -> None:
    native, original = tmp_path / "native", tmp_path / "original"
    convert([f"model.path={stand_in}", f"out={native}"])
    convert([f"model.path={native}", f"out={original}", "layout=original"])
    first, second, third = (load_model(path) for path in (stand_in, native, original))
    ids = some_ids(first, 2, 17)
    assert torch.equal(logits(first, ids), logits(second, ids))
    assert torch.equal(logits(first, ids), logits(third, ids))
    assert weights_names(original) == weights_names(stand_in)
    assert {path.name for path in original.iterdir()} == {path.name for path in stand_in.iterdir()} | {
        "README.md",
        "README.source.md",
    }


def weights_names(directory: Path) -> set[str]:
    return set(load_file(directory / "model.safetensors"))


def test_native_directory_loads_in_plain_transformers_with_its_tokenizer(stand_in: Path, tmp_path: Path) -> None:
    convert([f"model.path={stand_in}", f"out={tmp_path / 'native'}"])
    ours, plain = load_model(stand_in), AutoModelForCausalLM.from_pretrained(tmp_path / "native")
    assert type(plain) is type(ours) and plain.dtype == torch.float32
    ids = some_ids(ours, 1, 9)
    assert torch.equal(logits(ours, ids), logits(plain, ids))
    text = "高血压的常见症状有头痛、头晕和心悸。people"
    assert load_tokenizer(tmp_path / "native")(text)["input_ids"] == load_tokenizer(stand_in)(text)["input_ids"]
    assert load_tokenizer(tmp_path / "native").chat_template


def test_norm_head_is_folded_for_baichuan2_alone(stand_ins: dict[str, Path]) -> None:
    for name in ("baichuan", "baichuan2", "baichuan_13b", "baichuan2_13b"):
        lengths = load_model(stand_ins[name]).lm_head.weight.norm(dim=1)
        folded = bool((lengths - 1).abs().max() < 1e-5)
        assert folded == ("baichuan2" in name), name


def test_norm_head_can_be_given_where_nothing_tells(stand_ins: dict[str, Path]) -> None:
    lengths = load_model(stand_ins["baichuan"], hints=Hints(norm_head=True)).lm_head.weight.norm(dim=1)
    assert (lengths - 1).abs().max() < 1e-5
    free = load_model(stand_ins["baichuan2"], hints=Hints(norm_head=False)).lm_head.weight.norm(dim=1)
    assert (free - 1).abs().max() > 0.1


def test_slopes_follow_the_paper_for_powers_of_two_and_its_code_for_forty_heads() -> None:
    assert alibi_slopes(8) == [2.0**-n for n in range(1, 9)]
    forty = alibi_slopes(40)
    assert forty[:2] == pytest.approx([0.8409, 0.7071], abs=1e-4) and forty[31] == 2**-8
    assert forty[32:34] == pytest.approx([0.9170, 0.7711], abs=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_alibi_in_extra_channels_is_exact_at_long_range_in_every_precision(dtype: torch.dtype) -> None:
    """Attention with q = 0 sees only the bias: its weights are those of slope · (j - i) in float64."""
    from models.families.baichuan_alibi import BaichuanAlibiConfig

    config = BaichuanAlibiConfig(
        vocab_size=8, hidden_size=160, intermediate_size=64, num_hidden_layers=1, num_attention_heads=5
    )
    attention = BaichuanAlibiForCausalLM(config).model.layers[0].self_attn
    length, heads = 4096, 5
    positions = torch.arange(length)[None]
    nothing = torch.zeros(1, heads, length, config.head_dim, dtype=dtype)
    query, key, _ = attention._with_bias(nothing[:, :, -1:], nothing, nothing, positions)
    scores = attention.scaling * (query.double() @ key.double().transpose(-1, -2))[0, :, 0]  # [heads, keys]
    wanted = torch.tensor(alibi_slopes(heads), dtype=torch.float64)[:, None] * (positions[0] - length + 1)
    assert (scores.softmax(-1) - wanted.softmax(-1)).abs().max() < 1e-3


def test_alibi_packs_pads_and_caches_like_the_single_sequence(stand_ins: dict[str, Path]) -> None:
    model = load_model(stand_ins["baichuan_13b"])
    a, b = some_ids(model, 1, 11), some_ids(model, 1, 7)
    packed = torch.cat([a, b], 1)
    positions = torch.cat([torch.arange(11), torch.arange(7)])[None]
    together = model(input_ids=packed, position_ids=positions, use_cache=False).logits
    assert (together[:, :11] - logits(model, a)).abs().max() < TOLERANCE
    assert (together[:, 11:] - logits(model, b)).abs().max() < TOLERANCE
    whole = logits(model, a)
    cached = model(input_ids=a[:, :6], use_cache=True)
    rest = model(input_ids=a[:, 6:], past_key_values=cached.past_key_values, use_cache=True).logits
    assert (rest - whole[:, 6:]).abs().max() < TOLERANCE


def test_prefix_and_left_padding_together_give_what_the_single_sequence_gives(stand_ins: dict[str, Path]) -> None:
    """Padding lies between the prefix and the text: neither may seem further away through it."""
    for name in ("baichuan_13b", "baichuan", "chatglm2"):
        torch.manual_seed(0)
        config = peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=5)
        model = peft.get_peft_model(load_model(stand_ins[name]), config).eval()
        ids = some_ids(model, 1, 9)
        padded = torch.cat([torch.zeros(1, 4, dtype=torch.long), ids], 1)
        mask = torch.tensor([[0] * 4 + [1] * 9])
        alone = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False)
        batched = model.generate(input_ids=padded, attention_mask=mask, max_new_tokens=12, do_sample=False)
        assert alone[0, 9:].tolist() == batched[0, 13:].tolist(), name


def test_answers_that_join_and_leave_a_batch_are_those_given_alone(stand_ins: dict[str, Path]) -> None:
    for name in ("baichuan_13b", "baichuan", "chatglm2"):
        staggered(load_model(stand_ins[name]))


def test_nf4_while_loading_trains_and_saves_natively(stand_in: Path, tmp_path: Path) -> None:
    model = load_model(stand_in, quantisation="nf4")
    assert sum("Linear4bit" in type(module).__name__ for module in model.modules()) >= 10
    plain = load_model(stand_in)
    ids = some_ids(plain, 1, 12)
    assert 0 < (logits(model, ids) - logits(plain, ids)).abs().max() < 1.5
    model.dequantize(torch.float32).save_pretrained(tmp_path)
    assert (logits(load_model(tmp_path), ids) - logits(model, ids)).abs().max() < 1e-4


def edited(directory: Path, out: Path, **keys: Any) -> Path:
    """A copy of a stand-in with other keys in its ``config.json``."""
    shutil.copytree(directory, out)
    config = json.loads((out / "config.json").read_text())
    (out / "config.json").write_text(json.dumps(config | keys))
    return out


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"quantization_bit": 4}, "already quantised .quantization_bit=4"),
        ({"quantized": True}, "already quantised .quantized=True"),
        ({"multi_query_attention": False}, "multi_query_attention=False"),
        ({"add_bias_linear": True}, "add_bias_linear=True"),
        ({"rope_ratio": 50, "_name_or_path": "my/model"}, "rope_ratio=50 means one thing"),
        ({"num_layers": 3}, "missing_keys: model.layers.2"),
        ({"num_layers": 1}, "unexpected_keys: model.layers.1"),
        ({"ffn_hidden_size": 64}, "do not fit|mismatched"),
        ({"architectures": ["FooForCausalLM"]}, "unknown model family"),
    ],
)
def test_what_cannot_be_loaded_right_is_refused_with_the_reason(
    keys: dict[str, Any], message: str, stand_ins: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        load_model(edited(stand_ins["chatglm2"], tmp_path / "model", **keys))


@pytest.mark.parametrize(("name", "key"), [("baichuan", "hidden_act"), ("baichuan_13b", "model_max_length")])
def test_a_config_without_a_size_is_refused(name: str, key: str, stand_ins: dict[str, Path], tmp_path: Path) -> None:
    cut = shutil.copytree(stand_ins[name], tmp_path / "model")
    config = json.loads((cut / "config.json").read_text())
    config.pop(key)
    (cut / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"config\.json has no "):
        load_model(cut)


def test_rope_ratio_divides_positions_in_chatglm2_and_multiplies_the_base_in_chatglm3(
    stand_ins: dict[str, Path], tmp_path: Path
) -> None:
    two = load_model(edited(stand_ins["chatglm2"], tmp_path / "two", rope_ratio=50)).config.rope_parameters
    three = load_model(edited(stand_ins["chatglm3"], tmp_path / "three", rope_ratio=50)).config.rope_parameters
    assert (two["rope_type"], two["factor"], two["rope_theta"]) == ("linear", 50, 10_000)
    assert (three["rope_type"], three["rope_theta"]) == ("default", 500_000)
    given = edited(stand_ins["chatglm2"], tmp_path / "given", rope_ratio=50, _name_or_path="x")
    assert load_model(given, hints=Hints(rope_ratio="base")).config.rope_parameters["rope_theta"] == 500_000


def test_damaged_weights_are_named(stand_ins: dict[str, Path], tmp_path: Path) -> None:
    cut = shutil.copytree(stand_ins["baichuan"], tmp_path / "cut")
    weights = cut / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(UserError, match=r"model\.safetensors: cannot be read"):
        load_model(cut)
    weights.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(UserError, match="Git LFS pointer"):
        load_model(cut)
    weights.unlink()
    with pytest.raises(UserError, match="no weights here"):
        load_model(cut)


def test_missing_shard_is_named(stand_ins: dict[str, Path], tmp_path: Path) -> None:
    directory = shutil.copytree(stand_ins["baichuan"], tmp_path / "sharded")
    tensors = load_file(directory / "model.safetensors")
    (directory / "model.safetensors").unlink()
    names = sorted(tensors)
    save_file({name: tensors[name] for name in names[:5]}, directory / "model-1.safetensors")
    index = {name: "model-1.safetensors" if name in names[:5] else "model-2.safetensors" for name in names}
    (directory / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    with pytest.raises(UserError, match=r"1 of 2 weight files are missing: model-2\.safetensors"):
        load_model(directory)


def test_bin_files_are_read_without_unpickling_code(stand_ins: dict[str, Path], tmp_path: Path) -> None:
    directory = shutil.copytree(stand_ins["chatglm2"], tmp_path / "bin")
    tensors = load_file(directory / "model.safetensors")
    (directory / "model.safetensors").unlink()
    torch.save(tensors, directory / "pytorch_model.bin")
    ids = some_ids(load_model(directory), 1, 5)
    assert torch.equal(logits(load_model(directory), ids), logits(load_model(stand_ins["chatglm2"]), ids))
    torch.save({"weights": Evil()}, directory / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"pytorch_model\.bin: cannot be read"):
        load_model(directory)


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("code from a checkpoint was run",))


def test_family_can_be_given_and_a_wrong_name_lists_the_known(stand_ins: dict[str, Path], tmp_path: Path) -> None:
    unnamed = edited(stand_ins["baichuan2_13b"], tmp_path / "model", architectures=["Renamed"])
    assert isinstance(load_model(unnamed, hints=Hints(family="baichuan_alibi")), BaichuanAlibiForCausalLM)
    with pytest.raises(UserError, match="choose one of: llama, qwen, chatglm, baichuan, baichuan_alibi"):
        load_model(unnamed, hints=Hints(family="baichun"))


def test_roles_are_at_the_published_ids(stand_ins: dict[str, Path]) -> None:
    for name, first in (("baichuan", 102), ("baichuan2_13b", 106)):
        pieces = read_model(stand_ins[name] / "tokenizer.model").pieces
        assert [pieces[195].text, pieces[196].text] == [f"<reserved_{first}>", f"<reserved_{first + 1}>"]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_family_names_its_licence_and_has_an_answer_about_gguf(family: ModelFamily, tmp_path: Path) -> None:
    assert family.licence and family_named(family.name) is family
    if family.no_gguf is not None:
        with pytest.raises(UserError, match=re.escape(family.no_gguf.why)) as refused:
            check_gguf(family, Checkpoint(tmp_path, {}, {}, Hints()))
        assert family.no_gguf.instead in str(refused.value)


@pytest.mark.parametrize("name", ["baichuan2", "baichuan2_13b"])
def test_a_freely_tuned_output_layer_does_not_go_back_under_a_norm_head(
    name: str, stand_ins: dict[str, Path], tmp_path: Path
) -> None:
    native = tmp_path / "native"
    convert([f"model.path={stand_ins[name]}", f"out={native}"])
    convert([f"model.path={native}", f"out={tmp_path / 'back'}", "layout=original"])
    weights = load_file(native / "model.safetensors")
    weights["lm_head.weight"][5] *= 1.5
    save_file(weights, native / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="NormHead"):
        convert([f"model.path={native}", f"out={tmp_path / 'tuned'}", "layout=original"])
