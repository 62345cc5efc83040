"""Makes ``trl_policy_losses.json``: what trl's trainers compute for sampled answers. Tests do not need trl.

PYTHONPATH=DIR_WITH_TRL:. python tests/training/trainer/trl_policy_losses.py
"""

import importlib.metadata
import json
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

FILE = Path(__file__).with_suffix(".json")
QUESTIONS, GROUP, TOKENS, LONGEST = 3, 4, 7, 9
CLIP, KL = 0.2, 0.05


def made_up() -> dict[str, torch.Tensor]:
    """Log-probabilities of the tokens of answers, by the model now, when they were sampled, and by the base."""
    generator = torch.Generator().manual_seed(20261130)
    rows = QUESTIONS * GROUP
    lengths = torch.randint(1, TOKENS + 1, (rows,), generator=generator)
    mask = (torch.arange(TOKENS) < lengths[:, None]).long()
    now = -2 * torch.rand(rows, TOKENS, generator=generator, dtype=torch.float64)
    before, reference = (now + 0.3 * torch.randn(2, rows, TOKENS, generator=generator, dtype=torch.float64)).unbind()
    rewards = torch.rand(rows, generator=generator, dtype=torch.float64).round(decimals=1)
    return {"now": now * mask, "before": before * mask, "reference": reference * mask, "mask": mask, "rewards": rewards}


def advantages(rewards: torch.Tensor) -> dict[str, torch.Tensor]:
    """As both trainers write them inside the method that samples, with trl's standard deviation."""
    from trl.trainer.utils import nanstd

    groups = rewards.view(QUESTIONS, GROUP)
    centred = rewards - groups.mean(1).repeat_interleave(GROUP)
    deviation = nanstd(groups, dim=1).repeat_interleave(GROUP)
    others = (groups.sum(1, keepdim=True) - groups) / (GROUP - 1)
    return {"grpo": centred / (deviation + 1e-4), "dr_grpo": centred, "rloo": rewards - others.view(-1)}


def stub(values: dict[str, torch.Tensor], **own: Any) -> SimpleNamespace:
    """A trainer whose model is replaced by the given log-probabilities."""

    def same(value: Any, **_: Any) -> Any:
        return value

    entropies = torch.zeros_like(values["now"])
    return SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *_, **__: (values["now"], entropies, None),
        accelerator=SimpleNamespace(num_processes=1, gather=same, reduce=same),
        model=SimpleNamespace(training=False),
        aux_loss_enabled=False,
        epsilon_low=CLIP,
        epsilon_high=CLIP,
        _metrics={"eval": defaultdict(list), "train": defaultdict(list)},
        **own,
    )


def inputs(values: dict[str, torch.Tensor], of_answers: torch.Tensor) -> dict[str, torch.Tensor]:
    """A batch as the trainers keep it; the prompts have one token."""
    ones = torch.ones(len(of_answers), 1, dtype=torch.long)
    return {
        "prompt_ids": ones,
        "prompt_mask": ones,
        "completion_ids": torch.zeros_like(values["mask"]),
        "completion_mask": values["mask"],
        "advantages": of_answers,
        "old_per_token_logps": values["before"],
        "old_logps": (values["before"] * values["mask"]).sum(1),
        "ref_per_token_logps": values["reference"],
        "num_items_in_batch": values["mask"].sum(),
    }


def grpo(values: dict[str, torch.Tensor], loss_type: str, of_answers: torch.Tensor, beta: float) -> float:
    """The loss of trl's GRPO trainer."""
    from trl import GRPOTrainer

    trainer = stub(
        values,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        importance_sampling_level="token",
        beta=beta,
        args=SimpleNamespace(delta=None, use_bias_correction_kl=False, steps_per_generation=1),
        loss_type=loss_type,
        use_vllm=False,
        max_completion_length=LONGEST,
        current_gradient_accumulation_steps=1,
        _entropy_bonus_enabled=False,
        tools=None,
    )
    return float(GRPOTrainer._compute_loss(trainer, None, inputs(values, of_answers)))


def rloo(values: dict[str, torch.Tensor], of_answers: torch.Tensor) -> float:
    """The loss of trl's RLOO trainer."""
    from trl import RLOOTrainer

    return float(RLOOTrainer._compute_loss(stub(values), None, inputs(values, of_answers)))


if __name__ == "__main__":
    given = made_up()
    found = advantages(given["rewards"])
    expected = {
        "grpo": grpo(given, "dapo", found["grpo"], 0.0),
        "grpo_kl": grpo(given, "dapo", found["grpo"], KL),
        "dr_grpo": grpo(given, "dr_grpo", found["dr_grpo"], 0.0),
        "rloo": rloo(given, found["rloo"]),
    }
    versions = {name: importlib.metadata.version(name) for name in ("trl", "torch")}
    stored = {
        "versions": versions,
        "settings": {"group": GROUP, "longest": LONGEST, "clip": CLIP, "kl": KL},
        "given": {name: tensor.tolist() for name, tensor in given.items()},
        "advantages": {name: tensor.tolist() for name, tensor in found.items()},
        "expected": expected,
    }
    FILE.write_text(json.dumps(stored) + "\n", encoding="utf-8")
