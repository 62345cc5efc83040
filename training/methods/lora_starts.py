"""Starts of LoRA that need more than the weights in front of it: the inputs of its layers, or unquantised weights."""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, takewhile

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from torch import nn
from tqdm import tqdm

from models.quantisation import dequantised
from training.base import Base

ADAPTER = "default"
"""Peft's name of the only adapter."""
TOKENS = 4096
"""Of the conversations, whose layer inputs EVA looks at."""
NOTHING = 1e-6
"""A direction in which inputs vary less than this share of the first one is none."""


def from_inputs(model: PeftModel, texts: Sequence[Sequence[int]]) -> None:
    """EVA: A becomes the directions in which the inputs of its layer are largest, B stays zero.

    They are the right singular vectors of the inputs, kept up to date text by text; where the inputs have fewer
    directions than A has rows, the other rows stay as they were drawn.

    Args:
        model: The base with its adapter.
        texts: Token ids of the conversations; the first ``TOKENS`` tokens are read.
    """
    layers = dict(_layers(model))
    found: dict[str, torch.Tensor] = {}

    def looking(name: str, rank: int) -> Callable[[nn.Module, tuple[torch.Tensor, ...]], None]:
        def hook(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            rows = inputs[0].flatten(0, -2).float()
            stacked = torch.cat([found[name], rows]) if name in found else rows
            _, sizes, directions = torch.linalg.svd(stacked, full_matrices=False)
            found[name] = sizes[:rank, None] * directions[:rank]

        return hook

    handles = [layer.register_forward_pre_hook(looking(name, layer.r[ADAPTER])) for name, layer in layers.items()]
    training = model.training
    model.eval()
    with torch.no_grad():
        for text in tqdm(_first(texts, TOKENS), desc="EVA", unit="text"):
            model(input_ids=torch.tensor([text], device=model.device), use_cache=False)
        for name, layer in layers.items():
            sizes = found[name].norm(dim=1, keepdim=True)
            kept = int((sizes > NOTHING * sizes[0]).sum())
            layer.lora_A[ADAPTER].weight[:kept] = found[name][:kept] / sizes[:kept]
    model.train(training)
    for handle in handles:
        handle.remove()


def from_quantisation(model: PeftModel, base: Base) -> None:
    """LoftQ, in one step: B·A becomes the largest part of what quantisation took from each weight.

    Args:
        model: The quantised base with its adapter.
        base: The base, which is loaded once more, unquantised, on the CPU.
    """
    plain = base.load(torch.float32, device=torch.device("cpu"))
    with torch.no_grad():
        for name, layer in tqdm(list(_layers(model)), desc="LoftQ", unit="layer"):
            a, b = layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight
            whole = plain.get_submodule(name).weight.to(a.device)
            left, sizes, right = torch.linalg.svd(whole - dequantised(layer.get_base_layer()), full_matrices=False)
            roots = (sizes[: len(a)] / layer.scaling[ADAPTER]).sqrt()
            a.copy_(roots[:, None] * right[: len(a)])
            b.copy_(left[:, : len(a)] * roots)


def _layers(model: PeftModel) -> Iterator[tuple[str, LoraLayer]]:
    """The adapted layers by their names in the base."""
    return ((name, one) for name, one in model.get_base_model().named_modules() if isinstance(one, LoraLayer))


def _first(texts: Sequence[Sequence[int]], tokens: int) -> list[Sequence[int]]:
    """The first texts, with about this many tokens together."""
    ends = accumulate(len(text) for text in texts)
    return [text for text, _ in takewhile(lambda pair: pair[1] < tokens + len(pair[0]), zip(texts, ends, strict=True))]
