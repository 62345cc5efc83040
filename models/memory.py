"""Memory of this process: how much it takes, and giving back what is free."""

import ctypes
import gc
import platform

import psutil
import torch


def release() -> None:
    """Gives memory that is not used any more back to the system, so that the next phase begins with little.

    Without this, the C library keeps what small tensors were made of, and another allocation may not fit into it.
    """
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def resident() -> int:
    """Bytes of memory that this process takes now."""
    return int(psutil.Process().memory_info().rss)
