"""The compute type follows the machine, the user's choice wins, and both are logged."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from loguru import logger

from models import numerics
from models.numerics import compute_dtype, instruction_set, native_bfloat16


@pytest.fixture(autouse=True)
def nothing_said_before() -> Iterator[None]:
    """Each test is a new process as far as the log is concerned."""
    caches = (numerics._said, numerics._warn_of_emulation, native_bfloat16)
    for function in caches:
        function.cache_clear()
    yield
    for function in caches:
        function.cache_clear()


@pytest.fixture
def log() -> Iterator[list[str]]:
    lines: list[str] = []
    handler = logger.add(lines.append, format="{level} {message}")
    yield lines
    logger.remove(handler)


def machine(monkeypatch: pytest.MonkeyPatch, **capabilities: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("flag", ["avx512_bf16", "amx_bf16"])
def test_bfloat16_where_the_processor_computes_in_it(monkeypatch: pytest.MonkeyPatch, flag: str) -> None:
    machine(monkeypatch, avx2=True, **{flag: True})
    chosen = compute_dtype()
    assert chosen.dtype == torch.bfloat16 and flag in chosen.why


def test_float32_where_bfloat16_would_be_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, avx2=True, avx512_f=True, avx512_bf16=False, amx_bf16=False)
    chosen = compute_dtype()
    assert chosen.dtype == torch.float32 and "emulates bfloat16" in chosen.why


@pytest.mark.parametrize("name", ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"])
def test_the_environment_can_take_native_bfloat16_away_and_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    machine(monkeypatch, amx_bf16=True)
    monkeypatch.setenv(name, "avx2")
    chosen = compute_dtype()
    assert chosen.dtype == torch.float32
    assert f"{name}=avx2 switches off native bfloat16" in chosen.why and f"amx_bf16 off by {name}=avx2" in chosen.why


def test_only_what_is_really_switched_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, avx2=True)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "avx2")  # this processor has no bfloat16 to switch off
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "AVX2")  # which PyTorch ignores: it is not written small
    assert compute_dtype().why == "this CPU emulates bfloat16: AVX2"
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    assert instruction_set() == "AVX2 by ATEN_CPU_CAPABILITY=avx2"


@pytest.mark.parametrize(("native", "expected"), [(True, torch.bfloat16), (False, torch.float16)])
def test_a_gpu_decides_for_itself(monkeypatch: pytest.MonkeyPatch, native: bool, expected: torch.dtype) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla V100")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    chosen = compute_dtype()
    assert (chosen.dtype, chosen.device) == (expected, "cuda") and "Tesla V100" in chosen.why


def test_what_a_person_asks_for_is_obeyed_with_one_warning(monkeypatch: pytest.MonkeyPatch, log: list[str]) -> None:
    machine(monkeypatch, avx2=True)
    assert compute_dtype("bfloat16").dtype == compute_dtype("bfloat16").dtype == torch.bfloat16
    warnings = [line for line in log if line.startswith("WARNING")]
    assert len(warnings) == 1 and "8 to 40 times slower" in warnings[0]


def test_float32_needs_no_warning(monkeypatch: pytest.MonkeyPatch, log: list[str]) -> None:
    machine(monkeypatch, avx2=True)
    assert compute_dtype("float32").dtype == torch.float32
    assert not [line for line in log if line.startswith("WARNING")]


def test_the_choice_is_logged_once(monkeypatch: pytest.MonkeyPatch, log: list[str]) -> None:
    machine(monkeypatch, avx2=True)
    compute_dtype()
    compute_dtype()
    assert len([line for line in log if "computing in" in line]) == 1


def test_a_restricted_process_sees_the_other_kind_of_machine() -> None:
    code = "from models.numerics import compute_dtype; print(compute_dtype().name)"
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split() == ["float32"]
