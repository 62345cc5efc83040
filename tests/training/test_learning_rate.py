"""The learning rate that is chosen: by method, rank, size and steps; where it is not known a number is asked for."""

import pytest

from common.errors import UserError
from tests.training.conftest import MakeConfig
from training.learning_rate import auto_rate
from training.methods.full import Full, FullConfig
from training.methods.lora import Lora, LoraConfig
from training.stages import read_stage
from training.stages.sft.job import steps_of


def test_the_rate_is_that_of_the_source_at_its_own_sizes() -> None:
    assert auto_rate(1.0, "llama", 2000, 1000) == 5e-5
    assert auto_rate(10.0, "llama", 4096, 1000) == pytest.approx(5e-4 * (2000 / 4096) ** 0.781, rel=1e-2)
    assert auto_rate(10.0, "qwen", 4096, 1000) == pytest.approx(5e-4 * (2000 / 4096) ** 0.0775, rel=1e-2)
    assert auto_rate(10.0, "qwen", 128, 1000) == auto_rate(10.0, "llama", 128, 1000)  # narrower than was measured


def test_few_steps_need_more_and_full_tuning_does_not() -> None:
    assert auto_rate(10.0, "llama", 2000, 99) == pytest.approx(1.5 * auto_rate(10.0, "llama", 2000, 100))
    assert auto_rate(1.0, "llama", 2000, 99) == auto_rate(1.0, "llama", 2000, 100)


def test_the_rank_does_not_matter_at_alpha_32_and_the_scaling_does() -> None:
    rate = Lora().rate_over_full
    assert rate(LoraConfig(rank=8, alpha=32)) == rate(LoraConfig(rank=64, alpha=32)) == 10
    assert rate(LoraConfig(rank=8, alpha=64)) == 5
    assert rate(LoraConfig(rank=16, alpha=8, rslora=True)) == 10  # 8 / √16 is 32 / 16
    assert Full().rate_over_full(FullConfig()) == 1


def test_where_it_is_not_known_a_number_is_asked_for() -> None:
    with pytest.raises(UserError, match=r"learning_rate=auto is known for method=dora, .*not for ia3; give a number"):
        read_stage(["recipe=medical_qlora", "method=ia3", "train.learning_rate=auto"])
    with pytest.raises(UserError, match=r"auto is for stages that learn texts or answers"):
        read_stage(["recipe=medical_dpo", "train.learning_rate=auto"])
    with pytest.raises(UserError, match=r"learning_rate"):
        read_stage(["recipe=medical_qlora", "train.learning_rate=fast"])


def test_steps_are_those_of_the_trainer(make_config: MakeConfig) -> None:
    config = make_config("train.epochs=1.5", "train.gradient_accumulation=2").train
    assert steps_of(10, config) == 5 and steps_of(10, config.model_copy(update={"max_steps": 7})) == 7
