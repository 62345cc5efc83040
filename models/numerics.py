"""The type to compute in, decided from the machine: bfloat16 where it is native, float32 where it is emulated.

CPUs with AVX512-BF16 or AMX, and GPUs from Ampere on, compute in bfloat16 natively. Every other CPU emulates it, 8 to
40 times slower than float32 (benchmarks/numerics.md). Everything that builds, trains, merges, proves, scores, serves or
samples asks ``compute_dtype``, logs the choice once, and records it next to its result.
"""

import os
import platform
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import torch
from loguru import logger

from models.config import DType

NATIVE_FLAGS = ("avx512_bf16", "amx_bf16")  # as ``torch.cpu.get_capabilities`` names them
LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
"""What limits the instructions of oneDNN, torch's CPU kernels; the first one counts."""

WITHOUT_BFLOAT16 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX512_CORE", "AVX512_CORE_VNNI")
"""Limits that keep oneDNN from using it."""


@dataclass(frozen=True)
class Numerics:
    """The type that a computation uses.

    Attributes:
        dtype: The type.
        device: ``cpu`` or ``cuda``.
        why: The reason, for logs, artefacts and reports.
    """

    dtype: torch.dtype
    device: Literal["cpu", "cuda"]
    why: str

    @property
    def name(self) -> str:
        """The type's name, e.g. ``float32``."""
        return str(self.dtype).removeprefix("torch.")

    def autocast(self) -> AbstractContextManager[object]:
        """A context where products are computed in this type while weights stay in float32."""
        return nullcontext() if self.dtype == torch.float32 else torch.autocast(self.device, self.dtype)

    def __str__(self) -> str:
        return f"{self.name} ({self.why})"


def compute_dtype(asked: DType = "auto") -> Numerics:
    """Decides the type to compute in, and logs it once per process.

    Args:
        asked: A type given by the user is used as is; where the machine emulates it, a warning names the cost.
    """
    device: Literal["cpu", "cuda"] = "cuda" if torch.cuda.is_available() else "cpu"
    if asked == "auto":
        return _said(_follow_machine(device))
    chosen = Numerics(getattr(torch, asked), device, "as configured")
    if device == "cpu" and asked != "float32" and not native_bfloat16():
        _warn_of_emulation(asked)
    return _said(chosen)


def _follow_machine(device: Literal["cpu", "cuda"]) -> Numerics:
    if device == "cuda":
        name = torch.cuda.get_device_name()
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Numerics(torch.bfloat16, device, f"{name} computes in it natively")
        return Numerics(torch.float16, device, f"{name} has no native bfloat16")
    if native_bfloat16():
        return Numerics(torch.bfloat16, device, f"native on this CPU: {instruction_set()}")
    if limit := _limit():
        return Numerics(torch.float32, device, f"{limit} switches off native bfloat16: {instruction_set()}")
    return Numerics(torch.float32, device, f"this CPU emulates bfloat16: {instruction_set()}")


@cache
def native_bfloat16() -> bool:
    """Whether this CPU multiplies in bfloat16 natively, and oneDNN may use it."""
    return bool(_native_flags()) and not _limit()


def _limit() -> str:
    """``VARIABLE=VALUE`` that keeps oneDNN from what this CPU has; empty where nothing does."""
    name = next((name for name in LIMITS if name in os.environ), "")
    is_in_the_way = bool(name) and os.environ[name].upper() in WITHOUT_BFLOAT16 and bool(_native_flags())
    return f"{name}={os.environ[name]}" if is_in_the_way else ""


def _native_flags() -> list[str]:
    capabilities = torch.cpu.get_capabilities()
    found = [flag for flag in NATIVE_FLAGS if capabilities.get(flag)]
    if platform.machine() == "aarch64" and " bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8"):
        found.append("bf16")
    return found


def instruction_set() -> str:
    """The instruction sets that decide speed here, for figures and reports, e.g. ``AVX512, avx512_bf16, amx_bf16``.

    What the environment has switched is named with its variable: ``AVX2 by ATEN_CPU_CAPABILITY=avx2, avx512_bf16 off by
    ONEDNN_MAX_CPU_ISA=AVX2``.
    """
    kernels, asked = torch.backends.cpu.get_cpu_capability(), os.environ.get("ATEN_CPU_CAPABILITY")
    by = f" by ATEN_CPU_CAPABILITY={asked}" if asked == kernels.lower() else ""
    off = f" off by {limit}" if (limit := _limit()) else ""
    return ", ".join([f"{kernels}{by}", *(f"{flag}{off}" for flag in _native_flags())])


@cache
def _said(chosen: Numerics) -> Numerics:
    logger.info("computing in {}", chosen)
    return chosen


@cache
def _warn_of_emulation(asked: str) -> None:
    logger.warning(
        "{} is emulated on this CPU ({}): expect matrix products 8 to 40 times slower than in float32",
        asked,
        instruction_set(),
    )
