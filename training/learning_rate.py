"""``train.learning_rate=auto``: the peak learning rate by method, rank, size of the model and number of steps.

It is that of full tuning, times what a method needs in its multiples (``Method.rate_over_full``). Full tuning is the
fit of Thinking Machines over sweeps of models of the LLaMA and Qwen families (tinker-cookbook, ``hyperparam_utils.py``,
on "LoRA Without Regret", 2025): ``5e-5 · (2000 / hidden size) ^ power``. Models narrower than 2000 are not among them:
there the power of LLaMA was tried beside 1, which muP (arXiv:2203.03466) suggests, at a hidden size of 64, where 1 was
far too high. How far the choice is from the best of a sweep: ``benchmarks/training/auto.py``.
"""

from collections.abc import Mapping

FULL = 5e-5
"""Of full tuning at ``WIDTH``."""
WIDTH = 2000
POWERS: Mapping[str, float] = {"qwen": 0.0775}
"""By family, where it was measured."""
POWER = 0.781
"""Of LLaMA, of other families, and of narrow models of any family."""
FEW_STEPS, MORE = 100, 1.5
"""Below so many steps LoRA needs 15 times the rate of full tuning, not 10 (the same source)."""


def auto_rate(over_full: float, family: str, width: int, steps: int) -> float:
    """The learning rate, of three digits.

    Args:
        over_full: What the method needs, in multiples of full tuning.
        family: Of the model.
        width: Its hidden size.
        steps: Optimiser steps.
    """
    power = POWER if width < WIDTH else POWERS.get(family, POWER)
    more = MORE if over_full > 1 and steps < FEW_STEPS else 1.0
    return float(f"{FULL * (WIDTH / width) ** power * over_full * more:.2e}")
