"""NF4 on the CPU: an evaluation forward before training must change neither gradients nor dequantised weights.

bitsandbytes 0.50.2 repacks 4-bit weights on CPUs with AVX512-BF16; ``keep_unpacked`` forbids it. Where the CPU lacks
AVX512-BF16 these tests still hold, they are only less interesting.
"""

from pathlib import Path

import pytest
import torch
from bitsandbytes.functional import has_avx512bf16
from bitsandbytes.nn import Linear4bit
from transformers import AutoModelForCausalLM, PreTrainedModel

from models.loading import load_model
from models.quantisation import keep_unpacked, nf4
from tests import commands

ROOT = Path(__file__).resolve().parent.parent.parent
IDS = torch.arange(24).reshape(2, 12) + 20


def input_gradient(model: PreTrainedModel) -> torch.Tensor:
    embedded = model.get_input_embeddings()(IDS).detach().requires_grad_()
    model.train()
    model(inputs_embeds=embedded, labels=IDS, use_cache=False).loss.backward()
    assert embedded.grad is not None
    return embedded.grad


def evaluate(model: PreTrainedModel) -> None:
    with torch.no_grad():
        model.eval()(IDS)


def test_gradients_and_weights_survive_an_evaluation_forward(tiny_base: Path, compute_dtype: torch.dtype) -> None:
    fresh, evaluated = (load_model(tiny_base, dtype=compute_dtype, quantisation="nf4") for _ in range(2))
    evaluate(evaluated)
    torch.testing.assert_close(input_gradient(evaluated), input_gradient(fresh), rtol=0, atol=0)
    for name, weight in fresh.dequantize(torch.float32).state_dict().items():
        reference = evaluated.state_dict().get(name)
        if reference is not None and reference.shape == weight.shape:
            torch.testing.assert_close(weight, reference.to(weight.dtype))
    before = load_model(tiny_base, dtype=compute_dtype, quantisation="nf4").dequantize(torch.float32)
    after = evaluated.dequantize(torch.float32)
    for (name, a), b in zip(before.named_parameters(), after.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0, msg=name)


def test_nf4_gradients_equal_those_of_the_dequantised_model(tiny_base: Path, compute_dtype: torch.dtype) -> None:
    quantised = load_model(tiny_base, dtype=compute_dtype, quantisation="nf4")
    plain = load_model(tiny_base, dtype=compute_dtype, quantisation="nf4").dequantize(compute_dtype)
    evaluate(quantised)
    rtol, atol = {torch.float32: (1e-3, 1e-7), torch.bfloat16: (2**-6, 1e-4)}[compute_dtype]
    torch.testing.assert_close(input_gradient(quantised), input_gradient(plain), rtol=rtol, atol=atol)


def test_all_block_layers_are_nf4_with_double_quantisation(tiny_base: Path) -> None:
    model = load_model(tiny_base, quantisation="nf4")
    layers = [m for m in model.modules() if isinstance(m, Linear4bit)]
    assert len(layers) == 2 * 7
    assert all(m.weight.quant_state.quant_type == "nf4" and m.weight.quant_state.nested for m in layers)


@pytest.mark.skipif(not has_avx512bf16(), reason="this CPU has no AVX512-BF16: bitsandbytes never repacks here")
def test_repacked_model_is_refused_for_training(tiny_base: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_base, quantization_config=nf4(torch.float32), dtype=torch.float32)
    evaluate(model)  # without keep_unpacked this repacks the weights
    with pytest.raises(RuntimeError, match="repacked"):
        keep_unpacked(model)


QUANTISE = """
import hashlib, torch
from bitsandbytes.functional import quantize_4bit
values = torch.Generator().manual_seed(1)
for shape in ((130, 4096), (7, 33), (64,), (1, 1)):
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        for kind in ("nf4", "fp4"):
            weight = torch.randn(shape, generator=values).mul_(0.02).to(dtype)
            weight.view(-1)[1:2] = 0
            packed, state = quantize_4bit(weight, quant_type=kind, compress_statistics=weight.numel() > 64)
            print(hashlib.sha256(packed.numpy().tobytes() + state.absmax.numpy().tobytes()).hexdigest())
"""


@pytest.mark.slow  # two processes quantise by the library's slow path
def test_quantising_in_blocks_gives_the_library_s_bits() -> None:
    programs = (QUANTISE, f"import models.quantisation\n{QUANTISE}")
    theirs, ours = (commands.run("-c", program) for program in programs)
    assert ours == theirs and ours.count("\n") == 24
