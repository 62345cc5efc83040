"""The loss of the trainer is the model's own, for every family, without logits for unsupervised positions."""

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from domains.medical.knowledge_base import KNOWLEDGE
from domains.prose import corpus
from models.config import StandInConfig
from models.loading import load_model
from models.stand_ins import LIKENESSES, build
from training.batches.packing import IGNORED
from training.trainer.supervised_loss import SupervisedLoss

LENGTH = 24


@pytest.fixture(params=sorted(LIKENESSES))
def model(request: pytest.FixtureRequest, tmp_path: Path) -> nn.Module:
    build(
        corpus(KNOWLEDGE.load(), KNOWLEDGE)[:200],
        StandInConfig(of=request.param, vocab_size=1000, hidden_size=64, steps=0),
        tmp_path,
    )
    adapter = LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False)
    torch.manual_seed(1)
    return get_peft_model(load_model(tmp_path), adapter)


def batch(model: nn.Module) -> dict[str, torch.Tensor]:
    ids = torch.randint(5, 900, (3, LENGTH), generator=torch.Generator().manual_seed(2))
    labels = ids.clone()
    labels[:, :9] = IGNORED
    labels[1] = IGNORED
    labels[2, 0] = ids[2, 0]  # a first token, which nothing predicts
    return {"input_ids": ids, "labels": labels}


def gradients(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def test_loss_and_gradients_are_the_models_own(model: nn.Module) -> None:
    inputs = batch(model)
    expected = model(**inputs, use_cache=False).loss
    expected.backward()
    theirs = gradients(model)
    model.zero_grad()
    with SupervisedLoss(model, torch.float32) as loss:
        found = loss(model(input_ids=inputs["input_ids"], use_cache=False), inputs["labels"])
        found.backward()
    torch.testing.assert_close(found, expected)
    ours = gradients(model)
    assert ours.keys() == theirs.keys() and ours
    for name, gradient in theirs.items():  # sums in another order: some fifty roundings of the largest gradient
        torch.testing.assert_close(ours[name], gradient, rtol=0, atol=2e-5 * float(gradient.abs().max()))


@pytest.mark.parametrize("model", ["chatglm2"], indirect=True)
def test_outside_the_model_computes_logits_as_before(model: nn.Module) -> None:
    inputs = batch(model)
    before = model(input_ids=inputs["input_ids"]).logits
    with SupervisedLoss(model, torch.float32):
        inside = model(input_ids=inputs["input_ids"]).logits
    assert inside.shape[-1] == 64 != before.shape[-1]
    torch.testing.assert_close(model(input_ids=inputs["input_ids"]).logits, before, rtol=0, atol=0)


@pytest.mark.parametrize("model", ["baichuan"], indirect=True)
def test_several_batches_of_a_step_count_by_their_tokens(model: nn.Module) -> None:
    inputs = batch(model)
    with SupervisedLoss(model, torch.float32) as loss:
        whole = loss(model(input_ids=inputs["input_ids"], use_cache=False), inputs["labels"])
        tokens = int((inputs["labels"][:, 1:] != IGNORED).sum())
        parts = [
            loss(model(input_ids=inputs["input_ids"][i : i + 1], use_cache=False), inputs["labels"][i : i + 1], tokens)
            for i in range(3)
        ]
    torch.testing.assert_close(sum(parts), whole)


def test_an_output_layer_with_a_bias_is_refused() -> None:
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=16, **sizes))
    model.lm_head = nn.Linear(8, 16, bias=True)
    with pytest.raises(TypeError, match="output layer"):
        SupervisedLoss(model, torch.float32)
