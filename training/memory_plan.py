"""What a run will need in memory, told before the base model is loaded."""

from dataclasses import dataclass
from typing import Any

import torch
from loguru import logger

from common.errors import UserError
from common.machine import available_memory
from models.numerics import compute_dtype
from training.base import Base
from training.config import RunConfig
from training.trainer import training_numerics

GIB = 2**30
NF4_BYTES = 0.5 + 0.127 / 8  # 4 bits and 0.127 bits of doubly quantised scales per weight (QLoRA, section 3)
OPTIMISER_BYTES = 16  # float32 weight, gradient and two Adam moments per trainable parameter


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes by purpose."""

    weights: float
    trainable: float
    activations: float
    available: float

    @property
    def needed(self) -> float:
        """Sum of all purposes."""
        return self.weights + self.trainable + self.activations


def plan_memory(base: Base, config: RunConfig) -> MemoryPlan:
    """Estimates the memory of a training run from the model's shapes alone.

    Args:
        base: The base model; only its ``config.json`` is read.
        config: The run.
    """
    plan = base.family.plan(base.checkpoint)
    model_config = plan.config
    with torch.device("meta"):
        model = plan.model_class(model_config)
    linear = sum(m.weight.numel() for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) and "layers" in n)
    total = sum(p.numel() for p in model.parameters())
    full_bytes = compute_dtype(config.model.dtype).dtype.itemsize
    weights = linear * (NF4_BYTES if config.method.quantisation else full_bytes) + (total - linear) * full_bytes
    return MemoryPlan(
        weights=weights,
        trainable=_trainable(model, config) * OPTIMISER_BYTES,
        activations=_activations(model_config, config),
        available=_available(),
    )


def _trainable(model: torch.nn.Module, config: RunConfig) -> int:
    method = config.method
    if method.kind == "ptuning_v2":
        c: Any = model.config
        head = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads  # not every config names it
        return int(method.prefix_length * c.num_hidden_layers * 2 * c.num_key_value_heads * head)
    chosen = [
        m
        for n, m in model.named_modules()
        if isinstance(m, torch.nn.Linear)
        and "layers" in n
        and (method.targets == "all" or n.rsplit(".", 1)[-1] in method.targets)
    ]
    return sum(method.rank * (m.in_features + m.out_features) for m in chosen)


def _activations(c: Any, config: RunConfig) -> float:
    """Per token and layer about 34 values of hidden size (Korthikanti et al. 2022, eq. 2, without attention scores,
    which sdpa does not keep), and the logits with their gradient in float32."""
    tokens = config.train.batch_size * config.train.max_length
    value = training_numerics(config.train).dtype.itemsize
    layers = 1 if config.train.gradient_checkpointing else c.num_hidden_layers
    inside = tokens * c.hidden_size * 34 * layers * value / 2
    return float(inside + 2 * 4 * tokens * c.vocab_size)


def _available() -> float:
    if torch.cuda.is_available():
        return float(torch.cuda.mem_get_info()[0])
    return float(available_memory())


def check_memory(plan: MemoryPlan) -> None:
    """Prints the plan and stops a run that cannot fit.

    Raises:
        UserError: The plan needs more than there is.
    """
    logger.info(
        "memory plan: weights {:.2f} GiB + trained part {:.2f} + activations {:.2f} = {:.2f} of {:.1f} GiB free",
        *(value / GIB for value in (plan.weights, plan.trainable, plan.activations, plan.needed, plan.available)),
    )
    if plan.needed > plan.available:
        raise UserError(
            f"this run needs about {plan.needed / GIB:.1f} GiB and {plan.available / GIB:.1f} GiB are free",
            where="memory plan",
            fix="lower train.batch_size or train.max_length, set train.gradient_checkpointing=true, or method=qlora",
        )
