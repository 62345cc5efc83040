"""Makes ``trl_divergences.json``: what trl's GKD trainer computes for some logits. Tests do not need trl.

PYTHONPATH=DIR_WITH_TRL:. python tests/training/trainer/trl_divergences.py
"""

import importlib.metadata
import json
from pathlib import Path

import torch

FILE = Path(__file__).with_suffix(".json")
BETAS = (0.0, 0.3, 0.9, 1.0)


def made_up() -> dict[str, torch.Tensor]:
    """Logits of a student and a teacher, ``[tokens, vocab]``."""
    generator = torch.Generator().manual_seed(20261130)
    student, teacher = (3 * torch.randn(2, 5, 7, generator=generator, dtype=torch.float64)).unbind()
    return {"student": student, "teacher": teacher}


if __name__ == "__main__":
    from trl.experimental.gkd import GKDTrainer

    given = made_up()
    expected = {
        beta: float(GKDTrainer.generalized_jsd_loss(given["student"], given["teacher"], beta=beta, reduction="sum"))
        for beta in BETAS
    }
    versions = {name: importlib.metadata.version(name) for name in ("trl", "torch")}
    values = {name: tensor.tolist() for name, tensor in given.items()}
    FILE.write_text(json.dumps({"versions": versions, "given": values, "expected": expected}) + "\n", encoding="utf-8")
