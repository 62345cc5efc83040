"""How much of the machine this process may use: a container's limits count, not only the hardware."""

import math
import os
import platform
import sys
from pathlib import Path

import psutil

CPU_V2, MEMORY_V2 = Path("/sys/fs/cgroup/cpu.max"), Path("/sys/fs/cgroup/memory.max")
CPU_V1, MEMORY_V1 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where Linux shows a container its limits (cgroup versions 2 and 1)."""


STATUS = Path("/proc/self/status")
TUNABLES = "GLIBC_TUNABLES"
JOINED_BLOCKS = "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0"
"""glibc joins neighbouring free blocks at once. By default it keeps small ones apart, and between tensors that come and
go they cost a third of a training's memory (benchmarks/training/memory.md). It reads this at its start only."""


def join_free_blocks() -> None:
    """Starts this process again with a heap that joins free blocks, where it is glibc's and has no other settings."""
    if platform.libc_ver()[0] == "glibc" and TUNABLES not in os.environ:
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | {TUNABLES: JOINED_BLOCKS})


def own_cores() -> list[int]:
    """Numbers of the cores that this process may run on."""
    return list(psutil.Process().cpu_affinity() or [0])


def allowed_cores() -> int:
    """How many cores this process may use: those it may run on, capped by a container's quota."""
    return max(1, math.ceil(min(len(own_cores()), _quota())))


def available_memory() -> int:
    """Bytes that can still be allocated, within a container's limit."""
    free = psutil.virtual_memory().available
    for path in (MEMORY_V2, MEMORY_V1):
        text = _read(path)
        if text.isdigit():
            free = min(free, int(text) - psutil.Process().memory_info().rss)
    return max(0, free)


def peak_memory() -> int:
    """The most resident memory of this process, in bytes, since its start or ``forget_peak_memory``."""
    return next(int(line.split()[1]) for line in STATUS.open(encoding="utf-8") if line.startswith("VmHWM")) * 1024


def forget_peak_memory() -> None:
    """Lets ``peak_memory`` begin again, at what is resident now (proc(5), ``clear_refs``)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def processor() -> str:
    """The processor's name, where Linux shows it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.machine())


def _quota() -> float:
    """A container's share of the processor in cores; infinite where there is no limit."""
    quota, period = (_read(CPU_V2) or f"{_v1('cpu.cfs_quota_us')} {_v1('cpu.cfs_period_us')}").split()
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else math.inf


def _v1(name: str) -> str:
    return _read(CPU_V1 / name) or "max"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""
