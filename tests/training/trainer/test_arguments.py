"""How a configuration becomes the trainer's arguments."""

from collections.abc import Callable

import pytest
import torch

from tests.training.conftest import logged
from tests.training.trainer.test_trainer import begun
from training.stages.sft.config import SftConfig
from training.trainer.arguments import training_arguments


@pytest.mark.parametrize("visible", [1, 2])
def test_of_several_gpus_the_first_is_used_and_the_log_says_so(
    visible: int, make_config: Callable[..., SftConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config("train.precision=fp32")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: visible)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    with logged() as lines:
        arguments = training_arguments(config.train, begun(config), seed=1)
    assert arguments.n_gpu == 1 and arguments.train_batch_size == config.train.batch_size
    assert sum("GPUs are visible" in line for line in lines) == (visible == 2)
