"""What we rely on in PyTorch."""

import tempfile
from pathlib import Path

import pytest
import torch
from canary import canary
from torch import distributed
from torch.distributed import fsdp
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel
from torch.optim import _muon

from models import checkpoint, muon, numerics, rehearsal
from tests import commands


def zeroth_power(matrix: torch.Tensor, iterations: int) -> torch.Tensor:
    """The Newton-Schulz iteration of https://kellerjordan.github.io/posts/muon, in bfloat16 as torch takes it."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix.bfloat16()
    x = x.T if matrix.shape[0] > matrix.shape[1] else x
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if matrix.shape[0] > matrix.shape[1] else x


@canary(
    more_iterations=lambda patch: patch.setattr(
        _muon, "_zeropower_via_newtonschulz", lambda gradient, *_: zeroth_power(gradient, 7)
    ),
    another_rate=lambda patch: patch.setattr(_muon, "_adjust_lr", lambda lr, *_: lr),
    other_coefficients=lambda patch: patch.setattr(torch.optim.Muon.__init__, "__defaults__", OTHER_DEFAULTS),
)
def test_muon() -> None:
    matrices = [torch.nn.Parameter(torch.randn(shape)) for shape in ((16, 24), (24, 16))]
    gradients = [torch.randn(matrix.shape) for matrix in matrices]
    expected = []
    for matrix, gradient in zip(matrices, gradients, strict=True):
        momentum = torch.zeros_like(gradient).lerp(gradient, 1 - 0.9)
        direction = zeroth_power(gradient.lerp(momentum, 0.9), 5).float()  # Nesterov
        rate = 0.5 * max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
        expected.append(matrix.detach() * (1 - 0.5 * 0.2) - rate * direction)
        matrix.grad = gradient.clone()
    optimizer = torch.optim.Muon(matrices, lr=0.5, momentum=0.9, weight_decay=0.2)
    optimizer.step()
    for matrix, wanted in zip(matrices, expected, strict=True):
        torch.testing.assert_close(matrix.detach(), wanted, rtol=0, atol=0.02)  # 2 units of bfloat16 at the rate of 0.6
    defaults = optimizer.defaults
    assert defaults["ns_coefficients"] == muon.COEFFICIENTS, defaults["ns_coefficients"]
    assert (defaults["ns_steps"], defaults["eps"]) == (muon.ITERATIONS, muon.EPSILON), defaults
    assert defaults["nesterov"], "no Nesterov momentum any more"


OTHER_DEFAULTS = (1e-3, 0.1, 0.95, True, (2.0, -1.5, 0.5), 1e-7, 5, None)


@canary(
    another_name=lambda patch: (
        patch.setattr(torch.serialization, "_get_offset", None, raising=False)
        or patch.setattr(checkpoint, "FakeTensorMode", lambda: torch.device("meta"))
    ),
    not_the_place=lambda patch: patch.setattr(
        torch._C.PyTorchFileReader, "get_record_offset", lambda self, name: 0, raising=True
    ),
)
def test_checkpoint_offset() -> None:
    tensors = {"a": torch.randn(3, 4), "b": torch.arange(10)[2:8:2]}
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "weights.bin"
        torch.save(tensors, file)
        with checkpoint.FakeTensorMode():
            fakes = torch.load(file, weights_only=True)
        stored = file.read_bytes()
    for name, tensor in tensors.items():
        start = fakes[name].untyped_storage()._checkpoint_offset
        storage = torch.frombuffer(
            bytearray(stored[start : start + fakes[name].untyped_storage().nbytes()]), dtype=tensor.dtype
        )
        found = storage.as_strided(fakes[name].shape, fakes[name].stride(), fakes[name].storage_offset())
        assert torch.equal(found, tensor), f"{name} is not at byte {start}"


CPUINFO = Path("/proc/cpuinfo")


@canary(
    other_names=lambda patch: patch.setattr(torch.cpu, "get_capabilities", lambda: {"AVX512BF16": True}),
    other_values=lambda patch: patch.setattr(
        torch.cpu, "get_capabilities", lambda: dict.fromkeys(numerics.NATIVE_FLAGS, "yes")
    ),
)
def test_cpu_capabilities() -> None:
    found = torch.cpu.get_capabilities()
    if found["architecture"] != "x86_64":
        pytest.skip("the names are those of x86-64")
    flags = CPUINFO.read_text(encoding="utf-8").split()
    for name in numerics.NATIVE_FLAGS:
        assert found[name] is (name in flags), f"{name}: {found[name]}, /proc/cpuinfo says {name in flags}"
    assert torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2", "AVX512")


PRODUCT = (
    "import torch; torch.mkldnn_convolution(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3), None, [0], [1], [1], 1)"
)


@canary(another_value=lambda patch: patch.setattr(numerics, "WITHOUT_BFLOAT16", ("SSE-4.1",)))
def test_onednn_max_cpu_isa() -> None:
    if not torch.cpu._is_avx2_supported():
        pytest.skip("the values are those of x86-64")
    environment = {"ONEDNN_VERBOSE": "1", "ONEDNN_MAX_CPU_ISA": numerics.WITHOUT_BFLOAT16[0]}
    printed = commands.run("-c", PRODUCT, environment=environment)  # oneDNN reads these at its first use
    (said,) = [line for line in printed.splitlines() if "info,cpu,isa:" in line]
    assert said.endswith("isa:Intel SSE4.1"), f"{environment['ONEDNN_MAX_CPU_ISA']} leaves {said}"


@canary(
    attention_with_scores=lambda patch: patch.setattr(
        torch.nn.functional,
        "scaled_dot_product_attention",
        lambda query, key, value: (query @ key.transpose(-1, -2)).softmax(-1) @ value,
    )
)
def test_fake_tensors() -> None:
    with torch.device("meta"):
        layer = torch.nn.Linear(8, 8, bias=False)
    with rehearsal.rehearsal(layer, torch.device("cpu")) as memory:
        query = layer(torch.empty(1, 2, 512, 8))
        before = memory.live
        mixed = torch.nn.functional.scaled_dot_product_attention(query, query, query)
        scores = 2 * 512 * 512 * 4
        assert memory.peak < before + scores, "attention is not computed by the kernel of the device"
        del query, mixed
        assert memory.live == 8 * 8 * 4, f"{memory.live} bytes are alive, not the weights alone"


@canary(
    nothing_ignored=lambda patch: patch.setattr(
        fsdp, "fully_shard", lambda *modules, ignored_params, **given: fully_shard(*modules, **given)
    ),
    names_forgotten=lambda patch: patch.setattr(
        DistributedDataParallel, "_set_params_and_buffers_to_ignore_for_model", lambda *_: None
    ),
)
def test_fully_shard() -> None:
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    try:
        layer = torch.nn.Linear(4, 4)
        layer.weight.requires_grad_(False)
        fsdp.fully_shard(
            layer, mesh=init_device_mesh("cpu", (1,)), reshard_after_forward=True, ignored_params={layer.bias}
        )
        assert isinstance(layer.weight, DTensor) and not isinstance(layer.bias, DTensor), "other values are divided"
        model = torch.nn.Sequential(layer)
        DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, ["0.weight"])
        parallel = DistributedDataParallel(model)
        assert "0.weight" in parallel.parameters_to_ignore, "DistributedDataParallel would send the parts around"
        parallel(torch.ones(1, 4)).sum().backward()
        assert isinstance(layer.weight, DTensor), "a layer stays whole after a step"
        assert torch.equal(layer.bias.grad, torch.ones(4)), layer.bias.grad
    finally:
        distributed.destroy_process_group()
