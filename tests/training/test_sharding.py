"""A base whose layers several processes divide: each holds its part, and computes what the whole computes."""

import os
import socket
from pathlib import Path

import pytest
import torch
from bitsandbytes.nn import Linear4bit
from peft import LoraConfig, get_peft_model
from torch import distributed, multiprocessing
from torch.distributed.tensor import DTensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from common.errors import UserError
from models.quantisation import keep_unpacked, nf4
from training import processes
from training.config import PaddedTrainConfig
from training.trainer.sharding import bytes_held, divide, layers_of, refuse_undivided

IDS = torch.randint(0, 300, (2, 16), generator=torch.Generator().manual_seed(1))


def tiny(folder: Path, quantised: bool) -> PreTrainedModel:
    quantisation = nf4(torch.float32) if quantised else None
    model: PreTrainedModel = LlamaForCausalLM.from_pretrained(folder, quantization_config=quantisation)
    keep_unpacked(model)  # as load_model does
    return model


def written(folder: Path) -> Path:
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2}
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(vocab_size=300, num_hidden_layers=3, **sizes)).save_pretrained(folder)
    return folder


def in_a_process(rank: int, port: int, folder: Path, quantised: bool) -> None:
    """What each of two processes does; an assertion that fails here fails the test."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    processes.from_first()  # joins
    torch.manual_seed(2)
    base = tiny(folder, quantised)
    assert not quantised or any(isinstance(module, Linear4bit) for module in base.modules())
    model = get_peft_model(base, LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False))
    trained = {name: values for name, values in model.named_parameters() if values.requires_grad}
    before = model(IDS, labels=IDS).loss
    before.backward()
    alone = {name: values.grad.clone() for name, values in trained.items() if values.grad is not None}
    model.zero_grad()
    held = bytes_held(model)
    of_layers = sum(
        values.numel() * values.element_size()
        for layer in layers_of(base)
        for values in layer.parameters()
        if not values.requires_grad
    )
    divide(model)
    assert bytes_held(model) == held - of_layers // 2 and of_layers > 0
    loss = model(IDS, labels=IDS).loss
    loss.backward()
    assert torch.equal(loss, before)
    assert all(torch.equal(trained[name].grad, gradient) for name, gradient in alone.items()) and len(alone) == 42
    assert bytes_held(model) == held - of_layers // 2  # nothing stays whole after a step
    assert not any(isinstance(values, DTensor) for values in trained.values())
    distributed.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize("quantised", [False, True], ids=["whole", "nf4"])
def test_two_processes_hold_half_and_compute_the_same(quantised: bool, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(in_a_process, (port, written(tmp_path), quantised), nprocs=2)


def test_what_cannot_be_divided_is_refused_before_anything_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"(?s)train\.shard: one process was started.*torchrun"):
        refuse_undivided(trains_all=False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    refuse_undivided(trains_all=False)
    with pytest.raises(UserError, match=r"train\.shard: this method trains the weights of the base"):
        refuse_undivided(trains_all=True)


def test_stages_of_one_process_do_not_take_the_key() -> None:
    with pytest.raises(ValueError, match="shard"):
        PaddedTrainConfig(shard=True)
