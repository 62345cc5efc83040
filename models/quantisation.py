"""NF4 with double quantisation (QLoRA, arXiv:2305.14314, section 3), on GPU and CPU.

bitsandbytes 0.50.2 repacks a ``Linear4bit`` weight for a faster forward pass on CPUs with AVX512-BF16 as soon as the
module runs in evaluation mode, and nothing unpacks it on the way back to training: the forward pass stays right while
gradients, ``dequantize()`` and merges silently become wrong. ``load_model`` therefore switches the repacking off for
every model it loads (``keep_unpacked``), before any forward pass.

Its CPU quantiser needs 20 bytes per weight of a matrix; ``quantise_in_blocks`` replaces it, with the same result bit
for bit, in bounded memory and less time (benchmarks/model_loading.md).
"""

import torch
from bitsandbytes.functional import dequantize_4bit, get_4bit_type
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


def dequantised(layer: Linear4bit) -> torch.Tensor:
    """The weight that a layer computes with, float32 ``[out, in]``."""
    weight: torch.Tensor = dequantize_4bit(layer.weight.data, layer.weight.quant_state)
    return weight.float()


BLOCK = 1 << 18  # weights that are quantised at once; a multiple of every block size


def quantise_in_blocks(
    weight: torch.Tensor, blocksize: int, quant_type: str, quant_storage: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    """``bitsandbytes::quantize_4bit`` on the CPU (QLoRA, eq. 4: each block is scaled by its largest absolute value).

    Args:
        weight: Any shape, n values.
        blocksize: Values that share a scale.
        quant_type: ``nf4`` or ``fp4``.
        quant_storage: Type of the packed values.

    Returns:
        Two values per byte, ``[ceil(n / 2), 1]``, and the scales, float32, ``[ceil(n / blocksize)]``.
    """
    code = get_4bit_type(quant_type, device="cpu", blocksize=blocksize)
    order = code.argsort()
    bounds = ((code[order[:-1]] + code[order[1:]]) / 2).tolist()  # between neighbouring values of the code
    flat = weight.reshape(-1)
    packed = torch.empty((len(flat) + 1) // 2, 1, dtype=torch.uint8)
    scales = torch.empty(-(-len(flat) // blocksize))
    for start in range(0, len(flat), BLOCK):
        values = flat[start : start + BLOCK].float()
        blocks = nn.functional.pad(values, (0, -len(values) % blocksize)).reshape(-1, blocksize)
        largest = blocks.abs().amax(1)
        scales[start // blocksize :][: len(largest)] = largest
        scaled = (blocks * (1.0 / largest.clamp(min=1e-38))[:, None]).clamp_(-1, 1).reshape(-1)
        nearest = torch.zeros(len(values) + len(values) % 2, dtype=torch.uint8)
        for bound in bounds:
            nearest += scaled[: len(nearest)] > bound
        if quant_type != "nf4":  # the values of nf4 are already sorted
            nearest = order[nearest.int()].to(torch.uint8)
        packed[start // 2 :][: len(nearest) // 2, 0] = (nearest[::2] << 4) | nearest[1::2]
    return packed.view(-1).view(quant_storage).unsqueeze(1), scales


torch.library.register_kernel("bitsandbytes::quantize_4bit", "cpu", quantise_in_blocks)


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
                f"{name}: the 4-bit weight was repacked for inference before training; load the model again"
            )
        affected += bool(module.support_avx512bf16_for_cpu)
        module.support_avx512bf16_for_cpu = False
    if affected:
        logger.debug(
            "switched off the CPU repacking of {} 4-bit layers (bitsandbytes: wrong gradients after evaluation)",
            affected,
        )
    return affected
