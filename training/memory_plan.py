"""The memory that each phase of a run will need, reported before the base model is loaded."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

import torch
from loguru import logger

from common.errors import UserError
from common.machine import available_memory
from models.memory import resident
from training import processes

MIB, GIB = 2**20, 2**30
LIBRARIES = 48 * MIB
"""What torch's kernels keep for themselves on a CPU once they have run (benchmarks/training/memory.md)."""
HEAP = 1.25
"""How much more the C library's heap takes than the tensors in it, which come and go in different sizes (ibid.)."""
NAMES = {"training": "训练 training", "merge": "合并 merge", "evaluation": "评测 evaluation"}

PhaseName = Literal["training", "merge", "evaluation"]


@dataclass(frozen=True)
class Phase:
    """What a phase needs at its peak, in bytes.

    Attributes:
        weights: Weights that are not trained.
        trained: Weights that are, with their gradients and the optimiser's state.
        computing: Everything else: activations, caches, copies.
        fix: The settings that need less.
    """

    weights: float
    trained: float
    computing: float
    fix: str

    @property
    def needed(self) -> float:
        """Sum of all purposes."""
        return self.weights + self.trained + self.computing

    def times(self, copies: int) -> "Phase":
        """What as many processes need."""
        return Phase(copies * self.weights, copies * self.trained, copies * self.computing, self.fix)

    def __str__(self) -> str:
        parts = (self.weights, self.trained, self.computing, self.needed)
        return "weights {:,.0f} + trained {:,.0f} + computing {:,.0f} = {:,.0f} MiB".format(*(p / MIB for p in parts))


@dataclass(frozen=True)
class MemoryPlan:
    """The phases of a run, on top of what the process takes without them.

    Attributes:
        phases: By name; those that a run does not have are missing.
        process: Bytes that the process has before the first phase, with what libraries will add; 0 on a GPU.
        available: Bytes that are free besides.
        computed_in: The type that training computes in.
    """

    phases: Mapping[PhaseName, Phase]
    process: float
    available: float
    computed_in: str

    @property
    def after_training(self) -> "MemoryPlan":
        """What is left of it once training is done."""
        return replace(self, phases={name: phase for name, phase in self.phases.items() if name != "training"})

    def peak(self, name: PhaseName) -> float:
        """What the whole process will take in a phase."""
        return self.process + self.phases[name].needed


def plan_of(phases: Mapping[PhaseName, Phase], computed_in: str, *, divided: bool = False) -> MemoryPlan:
    """The plan of these phases on this machine: for the GPU where there is one.

    Args:
        phases: What each needs, where one process has all weights.
        computed_in: The type that training computes in.
        divided: Whether processes divide the weights: less on each GPU; on a CPU each has loaded them all before.
    """
    if torch.cuda.is_available():
        if divided:
            training = phases["training"]
            phases = {**phases, "training": replace(training, weights=training.weights / processes.count())}
        return MemoryPlan(phases, 0.0, float(torch.cuda.mem_get_info()[0]), computed_in)
    on_heap = {name: replace(phase, computing=HEAP * phase.computing) for name, phase in phases.items()}
    if "training" in on_heap:
        on_heap["training"] = on_heap["training"].times(processes.on_this_machine())
    return MemoryPlan(on_heap, resident() + LIBRARIES, float(available_memory() - LIBRARIES), computed_in)


def check_memory(plan: MemoryPlan) -> None:
    """Prints the plan and stops a run that cannot fit.

    Raises:
        UserError: A phase needs more than is free.
    """
    logger.info(
        "memory plan ({}): {:,.0f} MiB free, besides {:,.0f} of the process",
        *(plan.computed_in, plan.available / MIB, plan.process / MIB),
    )
    for name, phase in plan.phases.items():
        logger.info("memory plan, {}: {}", NAMES[name], phase)
    for name, phase in plan.phases.items():
        if phase.needed > plan.available:
            raise UserError(
                f"{NAMES[name]} needs about {phase.needed / GIB:.1f} GiB, but only {plan.available / GIB:.1f} GiB are "
                "free",
                where="memory plan",
                fix=phase.fix,
            )


@contextmanager
def memory_errors(plan: MemoryPlan, name: PhaseName) -> Iterator[None]:
    """Running out of memory in a phase becomes an error that says which setting to change.

    Raises:
        UserError: A tensor could not be allocated.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not _is_out_of_memory(error):
            raise
        planned = f"; {plan.phases[name].needed / GIB:.1f} GiB were planned" if name in plan.phases else ""
        fix = plan.phases[name].fix if name in plan.phases else "close what else needs memory, and resume the run"
        raise UserError(f"out of memory{planned}", where=NAMES[name], fix=fix) from None


def _is_out_of_memory(error: Exception) -> bool:
    """Torch has a class for it on a GPU only; its allocator for the CPU raises a plain ``RuntimeError``."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator" in str(error)
