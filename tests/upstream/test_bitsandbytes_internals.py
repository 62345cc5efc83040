"""What we rely on in bitsandbytes."""

import logging
from typing import Any

import bitsandbytes
import pytest
import torch
from bitsandbytes import cextension
from bitsandbytes import functional as bnb
from bitsandbytes.backends.cpu import ops
from bitsandbytes.nn import Linear4bit, modules
from canary import canary

from models import quantisation


def another_kernel(patch: pytest.MonkeyPatch) -> None:
    """A kernel that was registered after ours takes its place; it goes when the test's ``Library`` does."""
    library = torch.library.Library("bitsandbytes", "IMPL")
    patch.setattr(quantisation, "another_library", library, raising=False)
    library.impl(
        "quantize_4bit", lambda *_: (torch.zeros(32, 1, dtype=torch.uint8), torch.zeros(1)), "CPU", allow_override=True
    )


@canary(
    another_kernel=another_kernel,
    another_interface=lambda patch: patch.setattr(
        bnb, "quantize_4bit", lambda weight, **_: (weight, bnb.QuantState(torch.zeros(1)))
    ),
)
def test_register_kernel() -> None:
    calls: list[str] = []

    def noted(kind: str, **given: Any) -> torch.Tensor:
        calls.append(kind)
        return bnb.get_4bit_type(kind, **given)

    weight = torch.linspace(-1, 1, 64).reshape(8, 8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantisation, "get_4bit_type", noted)
        packed, state = bnb.quantize_4bit(weight, blocksize=64, quant_type="nf4", compress_statistics=False)
    assert calls == ["nf4"], "quantize_4bit on the CPU no longer dispatches to the kernel that we registered"
    ours, scales = quantisation.quantise_in_blocks(weight, 64, "nf4", torch.uint8)
    assert torch.equal(packed, ours) and torch.equal(state.absmax, scales)


@canary(
    another_order=lambda patch: patch.setattr(bnb, "get_4bit_type", lambda *_, **__: torch.linspace(1, -1, 16)),
    another_scale=lambda patch: patch.setattr(bnb, "get_4bit_type", lambda *_, **__: torch.linspace(-7, 7, 16)),
)
def test_get_4bit_type() -> None:
    code = bnb.get_4bit_type("nf4", device="cpu", blocksize=64)
    assert code.shape == (16,) and torch.equal(code, code.sort().values), "the 16 values are no longer in order"
    assert (code[0], code[7], code[15]) == (-1, 0, 1), code
    assert sorted(bnb.get_4bit_type("fp4", device="cpu", blocksize=64).abs().tolist())[-1] == 1


@canary(packed=lambda patch: patch.setattr(bnb, "dequantize_4bit", lambda weight, state: weight.float()))
def test_dequantize_4bit() -> None:
    quantised = layer()
    found = bnb.dequantize_4bit(quantised.weight.data, quantised.weight.quant_state)
    x = torch.randn(3, quantised.in_features)
    assert found.shape == (quantised.out_features, quantised.in_features), "not the shape of the weight"
    torch.testing.assert_close(quantised(x), torch.nn.functional.linear(x, found, quantised.bias), rtol=0.05, atol=0.05)


def layer() -> Linear4bit:
    """An NF4 layer ``[64, 128]`` with double quantisation, in evaluation mode."""
    made = Linear4bit(128, 64, bias=False, compute_dtype=torch.float32, quant_type="nf4")
    return made.to("cpu").eval()


def packing_whatever_the_switch_says(self: Linear4bit, x: torch.Tensor) -> torch.Tensor:
    self.weight.data, _ = modules._convert_weight_packed_for_cpu(self.weight.data, self.weight.quant_state)
    return x


def without_a_mark(weight: torch.Tensor, state: bnb.QuantState) -> tuple[torch.Tensor, bnb.QuantState]:
    return weight.reshape(64, 64), state


@canary(
    another_switch=lambda patch: patch.setattr(Linear4bit, "forward", packing_whatever_the_switch_says),
    another_mark=lambda patch: patch.setattr(modules, "_convert_weight_packed_for_cpu", without_a_mark),
    never_packed=lambda patch: patch.setattr(Linear4bit, "forward", lambda self, x: x),
)
def test_repacking_switch() -> None:
    unpacked, packed = layer(), layer()
    assert unpacked.support_avx512bf16_for_cpu in (False, True, 0, 1), "the switch is gone"
    unpacked.support_avx512bf16_for_cpu, packed.support_avx512bf16_for_cpu = False, True
    with torch.no_grad():
        unpacked(torch.zeros(2, 128))
        with pytest.MonkeyPatch.context() as patch:  # the product with a packed weight needs the instructions
            patch.setattr(bitsandbytes, "matmul_4bit", lambda x, weight, bias, quant_state: x)
            packed(torch.zeros(2, 128))
    assert not getattr(unpacked.weight.quant_state, "packing_format_for_cpu", False), "packed though switched off"
    assert getattr(packed.weight.quant_state, "packing_format_for_cpu", False), "packed weights no longer have the mark"


def unpacking(self: Linear4bit, mode: bool = True) -> Linear4bit:
    if getattr(self.weight.quant_state, "packing_format_for_cpu", False):
        weight, state = bnb._convert_weight_packed_for_cpu_inverse(self.weight.data, self.weight.quant_state)
        self.weight.data, self.weight.quant_state = weight, state
    self.training = mode
    return self


@canary(mended=lambda patch: patch.setattr(Linear4bit, "train", unpacking))
def test_repacking_is_still_harmful() -> None:
    trained = layer()
    before = bnb.dequantize_4bit(trained.weight.data, trained.weight.quant_state).float()
    weight, state = modules._convert_weight_packed_for_cpu(trained.weight.data, trained.weight.quant_state)
    trained.weight.data, trained.weight.quant_state = weight, state
    trained.train()
    after = bnb.dequantize_4bit(trained.weight.data, trained.weight.quant_state).float()
    assert (after.reshape(64, -1)[:, :128] - before).abs().max() > 0.01, "weights are unpacked again before training"


@canary(
    another_logger=lambda patch: patch.setattr(ops, "logger", logging.getLogger("bnb.cpu")),
    a_level_of_its_own=lambda patch: patch.setattr(cextension.logger, "level", logging.INFO),
)
def test_logger_names() -> None:
    for logger in (ops.logger, cextension.logger):
        assert logger.name.startswith("bitsandbytes."), f"a logger is called {logger.name}"
        assert logger.level == logging.NOTSET, f"{logger.name} does not follow the level of bitsandbytes"


@canary(
    elsewhere=lambda patch: patch.setattr(modules, "fix_4bit_weight_quant_state_from_module", lambda module: None),
)
def test_scales_at_the_module() -> None:
    known, ones = layer().train(), torch.ones(1, 128)
    expected = known(ones)
    known.quant_state = known.weight.quant_state
    known.weight = torch.nn.Parameter(known.weight.data, requires_grad=False)  # as the part of a weight is
    assert torch.equal(known(ones), expected), "a layer does not look for its scales at the module"
