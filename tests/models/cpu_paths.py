"""NF4 layers under LoRA, computed by bitsandbytes and by hand, for tests/models/test_cpu_paths.py."""

from pathlib import Path

import numpy as np
import peft
import torch
from bitsandbytes.functional import get_4bit_type
from bitsandbytes.nn import Linear4bit
from transformers import PreTrainedModel

from models.loading import load_model

LAYERS = ("q_proj", "down_proj")  # that the adapter is in
IDS = torch.arange(24).reshape(2, 12) + 20
Tensors = dict[str, torch.Tensor]


def dequantised_by_hand(layer: Linear4bit) -> torch.Tensor:
    """The weight ``[out, in]`` of an NF4 layer with double quantisation (QLoRA, eq. 6), in float64."""
    state = layer.weight.quant_state
    packed = layer.weight.data.view(-1)
    code = get_4bit_type("nf4", device="cpu", blocksize=state.blocksize).double()
    values = code[torch.stack([packed >> 4, packed & 0xF], dim=1).view(-1).long()]
    second = state.state2
    scales = second.code.double()[state.absmax.long()]
    scales = scales * second.absmax.double().repeat_interleave(second.blocksize)[: len(scales)] + state.offset.double()
    return (values.view(-1, state.blocksize) * scales[:, None]).view(state.shape)


def with_lora(model: PreTrainedModel) -> peft.PeftModel:
    """An adapter whose values come from NumPy: torch's normal numbers differ between instruction sets."""
    config = peft.LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, target_modules=list(LAYERS))
    adapted = peft.get_peft_model(model, config)
    random = np.random.default_rng(5)
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            parameter.data = torch.from_numpy(0.1 * random.standard_normal(tuple(parameter.shape), np.float32))
    return adapted


def computed(adapted: peft.PeftModel) -> Tensors:
    """Logits, then in training the gradients of the inputs and of the adapter, then the merged model's logits."""
    with torch.no_grad():
        logits = adapted.eval()(IDS).logits  # where it may, bitsandbytes repacks the weights here
    adapted.train()
    embedded = adapted.get_input_embeddings()(IDS).detach().requires_grad_()
    adapted(inputs_embeds=embedded, labels=IDS, use_cache=False).loss.backward()
    gradients = {name: parameter.grad for name, parameter in adapted.named_parameters() if parameter.grad is not None}
    assert embedded.grad is not None and len(gradients) == 2 * 2 * len(LAYERS)
    return {"logits": logits, "inputs": embedded.grad, **gradients}


def merged(adapted: peft.PeftModel) -> Tensors:
    """The weights of a merged model, and its logits."""
    model = adapted.eval().merge_and_unload()
    with torch.no_grad():
        logits = model(IDS).logits
    return {"merged logits": logits} | {name: weight.detach() for name, weight in model.named_parameters()}


def measure(directory: Path) -> tuple[Tensors, Tensors]:
    """What bitsandbytes computes, and what a plain float32 model of the weights dequantised by hand computes."""
    quantised = load_model(directory, quantisation="nf4")
    weights = {
        n: dequantised_by_hand(layer).float() for n, layer in quantised.named_modules() if isinstance(layer, Linear4bit)
    }
    assert weights
    plain = load_model(directory)
    for name, weight in weights.items():
        plain.get_submodule(name).weight.data = weight
    by_bitsandbytes = computed(with_lora(quantised))
    by_bitsandbytes |= merged(with_lora(load_model(directory, quantisation="nf4").dequantize(torch.float32)))
    reference = with_lora(plain)
    return by_bitsandbytes, computed(reference) | merged(reference)
