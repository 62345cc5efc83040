"""The memory plan: right in its parts, and a run that cannot fit stops before loading."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import UserError
from models.loading import load_model
from training.base import find_base
from training.chain import _prepared_model
from training.config import RunConfig
from training.memory_plan import OPTIMISER_BYTES, check_memory, plan_memory

MakeConfig = Callable[..., RunConfig]


@pytest.mark.parametrize(
    "method",
    [
        ("method=lora", "method.rank=4"),
        ("method=qlora", "method.rank=8"),
        ("method=ptuning_v2", "method.prefix_length=6", "train.packing=false"),
    ],
)
def test_plan_knows_weights_and_trained_parameters(
    method: tuple[str, ...], make_config: MakeConfig, tiny_base: Path
) -> None:
    config = make_config(*method)
    plan = plan_memory(find_base(config), config)
    model = _prepared_model(config, find_base(config))
    assert plan.trainable == OPTIMISER_BYTES * sum(p.numel() for p in model.parameters() if p.requires_grad)
    loaded = load_model(tiny_base, quantisation=config.method.quantisation).get_memory_footprint()
    assert plan.weights == pytest.approx(loaded, rel=0.05)


def test_run_that_cannot_fit_stops_with_what_would_fit(make_config: MakeConfig) -> None:
    config = make_config()
    plan = plan_memory(find_base(config), config)
    check_memory(plan)
    with pytest.raises(UserError, match=r"train\.batch_size"):
        check_memory(replace(plan, available=plan.needed / 2))
