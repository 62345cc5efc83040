"""4-bit layers compute the same whatever instructions the CPU has: forwards, gradients, dequantised and merged weights.

Only downward: a CPU can be told to use fewer instructions than it has, not more (docs/numerics.md). What bitsandbytes
takes the CPU for can be chosen both ways, because its own AVX512-BF16 product must never be called while training is
possible; where it were, a CPU without these instructions would stop the process.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from bitsandbytes.functional import has_avx512bf16
from cpu_paths import Tensors, measure

PROGRAM = """
import ctypes, sys
from pathlib import Path

look_up = ctypes.CDLL.__getattr__

def answer(library, name):  # bitsandbytes asks its native library when it is imported
    return (lambda: {seen}) if name == "has_avx512bf16_cpu" else look_up(library, name)

ctypes.CDLL.__getattr__ = answer

import torch
from bitsandbytes.nn import Linear4bit
from cpu_paths import measure

assert Linear4bit(32, 32).support_avx512bf16_for_cpu == {seen}
torch.save(measure(Path(sys.argv[1])), sys.argv[2])
"""

ROOT = Path(__file__).resolve().parent.parent.parent
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "AVX2"}
LOWEST = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_CBWR": "COMPATIBLE"}
MACHINES = {
    "native, bitsandbytes sees AVX512-BF16": ({}, True),
    "AVX2, bitsandbytes sees no AVX512-BF16": (AVX2, False),
    "lowest": (LOWEST, False),
}


TOLERANCE = 1e-5
"""Of the largest value of a tensor: sums of products in float32 in another order; bfloat16 is off by 400 times that."""


def compare(found: Tensors, expected: Tensors) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        limit = TOLERANCE * float(expected[name].abs().max())
        off = float((tensor - expected[name]).abs().max())
        assert off <= limit, f"{name} is off by {off:.1e}, {limit:.1e} are allowed"


@pytest.fixture(scope="module")
def native(tiny_base: Path) -> Tensors:
    found, expected = measure(tiny_base)
    compare(found, expected)
    return found


def test_as_it_is_bitsandbytes_computes_what_its_weights_say(native: Tensors) -> None:
    assert {"logits", "inputs", "merged logits"} < native.keys()
    assert all(tensor.abs().max() > 0 for tensor in native.values())


@pytest.mark.slow  # each is a process of its own
@pytest.mark.parametrize("machine", MACHINES)
def test_with_other_instructions_the_same(machine: str, native: Tensors, tiny_base: Path, tmp_path: Path) -> None:
    variables, seen = MACHINES[machine]
    if variables is AVX2 and torch.backends.cpu.get_cpu_capability() == "AVX2" and not has_avx512bf16():
        pytest.skip("this CPU is such a machine: the values that are compared with come from it")
    out = tmp_path / "tensors.pt"
    path = os.pathsep.join(map(str, (ROOT, Path(__file__).parent)))
    environment = os.environ | variables | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PROGRAM.format(seen=seen), str(tiny_base), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, f"exit code {done.returncode} (-4: an instruction that this CPU lacks)\n{done.stderr}"
    found, expected = torch.load(out)
    compare(found, expected)
    compare(found, native)
