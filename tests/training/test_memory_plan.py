"""The memory plan: right in its parts, and a run that cannot fit stops before loading."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import UserError
from models.loading import load_model
from tests.training.method_choices import method_choices, words_of
from training.base import find_base
from training.memory_plan import OPTIMISER_BYTES, check_memory
from training.stages.sft.config import SftConfig
from training.stages.sft.job import attached_model, plan_memory

MakeConfig = Callable[..., SftConfig]


@pytest.mark.parametrize("method", method_choices())
def test_plan_knows_weights_and_trained_parameters(method: str, make_config: MakeConfig, tiny_base: Path) -> None:
    config = make_config(*words_of(method))
    plan = plan_memory(find_base(config), config)
    parameters = list(attached_model(config, find_base(config)).parameters())
    assert plan.trained == OPTIMISER_BYTES * sum(p.numel() for p in parameters if p.requires_grad)
    frozen = load_model(tiny_base, quantisation=config.method.quantisation).get_memory_footprint()
    assert plan.frozen == pytest.approx(0 if all(p.requires_grad for p in parameters) else frozen, rel=0.05)


def test_run_that_cannot_fit_stops_with_what_would_fit(make_config: MakeConfig) -> None:
    config = make_config("train.precision=fp32")
    plan = plan_memory(find_base(config), config)
    assert plan.computed_in == "float32"
    check_memory(plan)
    with pytest.raises(UserError, match=r"train\.batch_size"):
        check_memory(replace(plan, available=plan.needed / 2))
