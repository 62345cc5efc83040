"""NF4 with double quantisation (QLoRA, arXiv:2305.14314, section 3), on a GPU and on the CPU alike.

bitsandbytes 0.50.2 repacks a ``Linear4bit`` weight for a faster forward pass on CPUs with AVX512-BF16 as soon as the
module runs in evaluation mode, and nothing unpacks it on the way back to training: the forward pass stays right while
gradients, ``dequantize()`` and merges silently become wrong. ``load_model`` therefore switches the repacking off for
every model it loads (``keep_unpacked``), before any forward pass.
"""

import torch
from bitsandbytes.nn import Linear4bit
from loguru import logger
from torch import nn
from transformers import BitsAndBytesConfig


def nf4(compute_dtype: torch.dtype) -> BitsAndBytesConfig:
    """The QLoRA quantisation: 4-bit NormalFloat, the scales quantised again, computing in ``compute_dtype``."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute_dtype,
    )


def keep_unpacked(model: nn.Module) -> int:
    """Forbids the CPU repacking of 4-bit weights described above.

    Returns:
        Number of modules on which this CPU would have repacked (0 where the bug cannot occur).

    Raises:
        RuntimeError: A weight is already repacked, so its gradients would be wrong.
    """
    affected = 0
    for name, module in model.named_modules():
        if not isinstance(module, Linear4bit):
            continue
        if getattr(module.weight.quant_state, "packing_format_for_cpu", False):  # set by bitsandbytes only when packed
            raise RuntimeError(
                f"{name}: the 4-bit weight was repacked for inference before training; load the model anew"
            )
        affected += bool(module.support_avx512bf16_for_cpu)
        module.support_avx512bf16_for_cpu = False
    if affected:
        logger.debug(
            "switched off the CPU repacking of {} 4-bit layers (bitsandbytes: wrong gradients after evaluation)",
            affected,
        )
    return affected
