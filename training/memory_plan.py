"""The memory that a run will need, reported before the base model is loaded."""

from dataclasses import dataclass
from typing import Any

import torch
from loguru import logger
from torch import nn

from common.errors import UserError
from common.machine import available_memory
from models.loading import Quantisation
from training.config import OptimiserConfig
from training.trainer.arguments import training_numerics

GIB = 2**30
NF4_BYTES = 0.5 + 0.127 / 8  # 4 bits and 0.127 bits of doubly quantised scales per weight (QLoRA, section 3)
OPTIMISER_BYTES = 16  # float32 weight, gradient and two Adam moments per trainable parameter


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes by purpose.

    Attributes:
        frozen: Weights that are not trained.
        trained: Weights that are, with their gradients and the optimiser's state.
        activations: What the backward pass needs from the forward pass, and the outputs.
        available: Free memory.
        computed_in: The type that training computes in.
        fix: How to need less.
    """

    frozen: float
    trained: float
    activations: float
    available: float
    computed_in: str
    fix: str

    @property
    def needed(self) -> float:
        """Sum of all purposes."""
        return self.frozen + self.trained + self.activations


def weight_bytes(shapes: nn.Module, dtype: torch.dtype, quantisation: Quantisation | None) -> float:
    """Bytes of a base model's weights; only the linear layers inside the blocks are quantised."""
    linear = sum(m.weight.numel() for n, m in shapes.named_modules() if isinstance(m, nn.Linear) and "layers" in n)
    total = sum(p.numel() for p in shapes.parameters())
    return linear * (NF4_BYTES if quantisation else dtype.itemsize) + (total - linear) * dtype.itemsize


def activation_bytes(sizes: Any, tokens: int, outputs: int, config: OptimiserConfig) -> float:
    """Bytes that a step keeps for its backward pass.

    Per token and layer about 34 values of hidden size (Korthikanti et al. 2022, eq. 2, without attention scores, which
    sdpa does not keep), and the outputs with their gradient in float32.

    Args:
        sizes: Configuration of the model.
        tokens: Tokens of a step on one device.
        outputs: Values that the model returns per token.
        config: How it is trained.
    """
    value = training_numerics(config).dtype.itemsize
    layers = 1 if config.gradient_checkpointing else sizes.num_hidden_layers
    inside = tokens * sizes.hidden_size * 34 * layers * value / 2
    return float(inside + 2 * 4 * tokens * outputs)


def available_bytes() -> float:
    """Free memory of the GPU where there is one, else of the machine."""
    if torch.cuda.is_available():
        return float(torch.cuda.mem_get_info()[0])
    return float(available_memory())


def check_memory(plan: MemoryPlan) -> None:
    """Prints the plan and stops a run that cannot fit.

    Raises:
        UserError: The plan needs more than is free.
    """
    logger.info(
        "memory plan ({}): frozen weights {:.2f} GiB + trained {:.2f} + activations {:.2f} = {:.2f} of {:.1f} GiB free",
        plan.computed_in,
        *(value / GIB for value in (plan.frozen, plan.trained, plan.activations, plan.needed, plan.available)),
    )
    if plan.needed > plan.available:
        raise UserError(
            f"this run needs about {plan.needed / GIB:.1f} GiB, but only {plan.available / GIB:.1f} GiB are free",
            where="memory plan",
            fix=plan.fix,
        )
