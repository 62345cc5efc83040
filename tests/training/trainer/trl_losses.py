"""Makes ``trl_losses.json``: what trl's trainers compute for the losses of preferences. Tests do not need trl.

PYTHONPATH=DIR_WITH_TRL:. python tests/training/trainer/trl_losses.py
"""

import importlib.metadata
import json
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

FILE = Path(__file__).with_suffix(".json")
PAIRS, TOKENS = 6, 9
KL = 2.0
"""How much more likely answers to other prompts are made, nats: their divergence is then above 0."""


def made_up() -> dict[str, torch.Tensor]:
    """Log-probabilities of tokens of better and worse answers, now and before training, and which tokens are theirs."""
    generator = torch.Generator().manual_seed(20261129)
    lengths = torch.randint(2, TOKENS, (2 * PAIRS,), generator=generator)
    mask = (torch.arange(TOKENS) < lengths[:, None]).long()
    now, before = (-2 * torch.rand(2, 2 * PAIRS, TOKENS, generator=generator, dtype=torch.float64)).unbind()
    return {"now": now * mask, "before": before * mask, "mask": mask}


def dpo(values: dict[str, torch.Tensor], kind: str, beta: float) -> float:
    """The loss of trl's DPO trainer, whose model is replaced by the given log-probabilities."""
    from trl import DPOTrainer

    now, before, mask = values["now"], values["before"], values["mask"]
    with_prompt = torch.cat([torch.zeros(2 * PAIRS, 1, dtype=torch.long), mask], 1)
    outputs = SimpleNamespace(
        log_probs=now,
        entropy=torch.zeros_like(now),
        mean_logits=torch.zeros_like(now),
        is_top1=torch.zeros_like(now, dtype=torch.bool),
    )

    def model(**_: Any) -> SimpleNamespace:
        return outputs

    def same(value: Any) -> Any:
        return value

    trainer = SimpleNamespace(
        model=SimpleNamespace(training=False),
        accelerator=SimpleNamespace(device="cpu", gather_for_metrics=same, gather=same),
        aux_loss_enabled=False,
        ld_alpha=None,
        precompute_ref_logps=True,
        f_divergence_type="reverse_kl",
        loss_types=[kind],
        loss_weights=[1.0],
        beta=beta,
        label_smoothing=0.0,
        use_weighting=False,
        _total_train_tokens=0,
        _metrics={"eval": defaultdict(list)},
    )
    reference = before.sum(1)
    inputs = {
        "input_ids": torch.zeros_like(with_prompt),
        "completion_mask": with_prompt,
        "ref_chosen_logps": reference[:PAIRS],
        "ref_rejected_logps": reference[PAIRS:],
    }
    return float(DPOTrainer._compute_loss(trainer, model, inputs, return_outputs=False))


def per_token(values: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean log-probabilities of the tokens of better and worse answers."""
    means = values["now"].sum(1) / values["mask"].sum(1)
    return means[:PAIRS], means[PAIRS:]


def odds_ratio(values: dict[str, torch.Tensor], beta: float) -> list[float]:
    """The term of trl's ORPO trainer beside the loss of the better answer."""
    from trl.experimental.orpo import ORPOTrainer

    trainer = SimpleNamespace(beta=beta, accelerator=SimpleNamespace(device="cpu"))
    return ORPOTrainer.odds_ratio_loss(trainer, *per_token(values))[0].tolist()


def simpo(values: dict[str, torch.Tensor], beta: float, gamma: float) -> list[float]:
    """The losses of trl's CPO trainer with ``loss_type="simpo"``."""
    from trl.experimental.cpo import CPOTrainer

    trainer = SimpleNamespace(
        beta=beta,
        simpo_gamma=gamma,
        alpha=0.0,
        loss_type="simpo",
        label_smoothing=0.0,
        accelerator=SimpleNamespace(device="cpu"),
    )
    return CPOTrainer.cpo_loss(trainer, *per_token(values))[0].tolist()


def kto(values: dict[str, torch.Tensor], beta: float, desirable: float, undesirable: float) -> dict[str, float]:
    """The loss of trl's KTO trainer, and its estimate of the divergence.

    The answers are in turn desirable and not; those to other prompts are made up of the better and worse ones.
    """
    from trl.trainer.kto_trainer import KTOTrainer

    now, before, mask = values["now"], values["before"], values["mask"]
    with_prompt = torch.cat([torch.zeros(2 * PAIRS, 1, dtype=torch.long), mask], 1)
    metrics: defaultdict[str, list[float]] = defaultdict(list)

    def model(**_: Any) -> SimpleNamespace:
        zeros = torch.zeros_like(now)
        return SimpleNamespace(log_probs=now, entropy=zeros, mean_logits=zeros)

    def same(value: Any) -> Any:
        return value

    trainer = SimpleNamespace(
        model=SimpleNamespace(training=False),
        accelerator=SimpleNamespace(device="cpu", gather_for_metrics=same, gather=same),
        _compute_kl_logps=lambda model, batch: now.sum(1).flip(0),
        aux_loss_enabled=False,
        precompute_ref_logps=True,
        calculate_KL=True,
        loss_type="kto",
        beta=beta,
        desirable_weight=desirable,
        undesirable_weight=undesirable,
        _total_train_tokens=0,
        _metrics={"eval": metrics},
    )
    inputs = {
        "input_ids": torch.zeros_like(with_prompt),
        "completion_mask": with_prompt,
        "label": torch.arange(2 * PAIRS) % 2 == 0,
        "ref_logps": before.sum(1),
        "ref_KL_logps": before.sum(1).flip(0) - KL,
    }
    loss = KTOTrainer._compute_loss(trainer, model, inputs, return_outputs=False)
    return {"loss": float(loss), "kl": metrics["kl"][0]}


if __name__ == "__main__":
    given = made_up()
    expected = {
        "dpo": dpo(given, "sigmoid", 0.1),
        "ipo": dpo(given, "ipo", 0.2),
        "orpo": odds_ratio(given, 0.3),
        "simpo": simpo(given, 2.0, 0.7),
        "kto": kto(given, 0.1, 1.5, 0.8),
    }
    versions = {name: importlib.metadata.version(name) for name in ("trl", "torch")}
    values = {name: tensor.tolist() for name, tensor in given.items()}
    FILE.write_text(json.dumps({"versions": versions, "given": values, "expected": expected}) + "\n", encoding="utf-8")
