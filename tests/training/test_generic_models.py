"""Architectures without a family of their own: what training relies on is measured, and each is tuned and served."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import peft
import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM

from common.errors import UserError
from common.files import read_json
from models.loading import load_model
from tests.data_recipes.samples import bencao_rows, write_jsonl
from tests.models.natives import NATIVES, NATIVES_QUICK_FIRST, build
from tests.training.conftest import logged, small_config
from tests.training.test_families_end_to_end import answer
from training.batches.packing import IGNORED
from training.chain import run_chain
from training.measured import check_rows, some_ids
from training.methods.ia3 import Ia3, Ia3Config
from training.methods.lora import Lora, LoraConfig
from training.methods.ptuning_v2 import PTuningV2, PTuningV2Config
from training.trainer.supervised_loss import LossOfLogits, SupervisedLoss, loss_of

ATTENTION = {
    "qwen3_moe": {"q_proj", "k_proj", "v_proj", "o_proj"},
    "deepseek_v3": {"q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj"},
}


@pytest.fixture(params=NATIVES_QUICK_FIRST)
def native(request: pytest.FixtureRequest, tiny_base: Path, tmp_path: Path) -> Path:
    build(request.param, tiny_base, tmp_path / request.param)
    return tmp_path / str(request.param)


def test_rows_are_kept_apart_and_lora_reaches_the_linear_layers(native: Path) -> None:
    model, config = load_model(native), LoraConfig(rank=2)
    check_rows(model, packing=True)
    untuned = Lora().untuned(model, config)
    attached = Lora().attach(model, config)
    targets = {name.split(".")[-4] for name, _ in attached.named_parameters() if "lora_A" in name}
    linear = {
        name.rsplit(".", 1)[-1]
        for name, module in load_model(native).named_modules()
        if isinstance(module, nn.Linear) and name != "lm_head"
    }
    assert targets == ATTENTION.get(native.name, linear)
    assert bool(untuned) == (native.name in ATTENTION)


def test_fused_experts_are_named_with_their_share(tiny_base: Path, tmp_path: Path) -> None:
    model = build("qwen3_moe", tiny_base, tmp_path)
    experts = sum(p.numel() for name, p in model.named_parameters() if ".experts." in name)
    said = Lora().untuned(model, LoraConfig())
    assert f"the experts ({experts / sum(p.numel() for p in model.parameters()):.0%} of all values)" in said
    with pytest.raises(UserError, match="no linear layer outside its fused experts is named down_proj"):
        Lora().attach(model, LoraConfig(targets=["q_proj", "down_proj"]))


def test_a_method_that_does_not_fit_is_refused_before_training(tiny_base: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"(?s)no linear layer is named k_proj, v_proj.*method=lora"):
        Ia3().attach(build("phi3", tiny_base, tmp_path / "phi3"), Ia3Config())
    with pytest.raises(UserError, match=r"(?s)DeepseekV3ForCausalLM does not cache keys and values.*method=lora"):
        PTuningV2().attach(build("deepseek_v3", tiny_base, tmp_path / "deepseek"), PTuningV2Config(prefix_length=4))


def test_layers_that_peft_takes_for_experts_are_refused_and_attention_is_the_remedy(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(NATIVES["qwen3_moe"].more, "mlp_only_layers", [0, 1])  # no experts at all
    build("qwen3_moe", tiny_base, tmp_path)
    assert Lora().untuned(load_model(tmp_path), LoraConfig()) == ""
    with pytest.raises(UserError, match=r"method\.targets=\[q_proj,k_proj,v_proj,o_proj\]"):
        Lora().attach(load_model(tmp_path), LoraConfig())
    Lora().attach(load_model(tmp_path), LoraConfig(targets=["q_proj", "k_proj", "v_proj", "o_proj"]))


class Forgetful(nn.Module):
    """A model that does not look at positions, as many an older class."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.config = model, model.config

    def forward(self, input_ids: torch.Tensor, use_cache: bool, **_: Any) -> Any:
        return self.model(input_ids=input_ids, use_cache=use_cache)


class Clairvoyant(nn.Module):
    """A model whose tokens all see the last one."""

    def __init__(self) -> None:
        super().__init__()
        self.config, self.embed = SimpleNamespace(vocab_size=50), nn.Embedding(50, 50)

    def forward(self, input_ids: torch.Tensor, use_cache: bool, **_: Any) -> Any:
        return SimpleNamespace(logits=self.embed(input_ids) + self.embed(input_ids[:, -1:]))


def test_a_model_that_mixes_the_rows_is_refused_with_packing_alone(tiny_base: Path) -> None:
    model = Forgetful(load_model(tiny_base))
    check_rows(model, packing=False)
    with pytest.raises(UserError, match=r"train\.packing: .* does not keep the examples of a packed row apart"):
        check_rows(model, packing=True)


def test_a_model_that_sees_later_tokens_is_refused() -> None:
    with pytest.raises(UserError, match="no causal language model"):
        check_rows(Clairvoyant(), packing=False)


def test_a_prefix_that_a_model_does_not_read_is_refused(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peft, "initialize_kv_prefix_from_past_key_values", lambda *_, **__: None)
    with pytest.raises(UserError, match="does not read a prefix as it reads the tokens"):
        PTuningV2().attach(load_model(tiny_base), PTuningV2Config(prefix_length=8))


@pytest.mark.parametrize(("name", "kind"), [("gemma2", LossOfLogits), ("mistral", SupervisedLoss)])
def test_loss_and_gradients_are_the_models_own_also_where_it_caps_its_logits(
    name: str, kind: type, tiny_base: Path, tmp_path: Path
) -> None:
    build(name, tiny_base, tmp_path)
    model = Lora().attach(load_model(tmp_path), LoraConfig(rank=2))
    model.get_output_embeddings().weight.data.mul_(10)  # logits that the cap bends
    ids = some_ids(model, seed=3)
    labels = torch.where(torch.arange(ids.shape[1]) < 9, IGNORED, ids)
    expected = model(input_ids=ids, labels=labels, use_cache=False).loss
    expected.backward()
    theirs = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    with loss_of(model, torch.float32) as loss:
        assert type(loss) is kind
        found = loss(model(input_ids=ids, use_cache=False), labels)
        found.backward()
    torch.testing.assert_close(found, expected)
    for parameter, gradient in theirs.items():
        torch.testing.assert_close(model.get_parameter(parameter).grad, gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", NATIVES)
def test_from_base_to_an_answer_of_the_service(name: str, tiny_base: Path, tmp_path: Path) -> None:
    build(name, tiny_base, tmp_path / "base")
    write_jsonl(tmp_path / "rows.jsonl", bencao_rows())
    words = ("model=generic", "model.prompt_format=null", "method=qlora", "train.packing=true", "train.max_length=128")
    with logged() as lines:
        run_chain(small_config(tmp_path, *words), command="python training/run.py …")
    (run,) = (file.parent for file in tmp_path.glob("runs/*/*/config.yaml"))
    artifact = read_json(run / "artifact.json")
    assert artifact["kind"] == "merged" and artifact["merge_proof"]["passed"]
    assert artifact["prompt_format"] == NATIVES[name].prompt_format
    card = (run / "merged/README.md").read_text(encoding="utf-8")
    for said in ("".join(lines), card):
        assert ("only attention is tuned" in said) == (name in ATTENTION)
    AutoModelForCausalLM.from_pretrained(run / "merged")
    answer(run / "merged")
    shutil.rmtree(tmp_path / "base")  # the merged model needs it no more
    answer(run / "merged")
