"""AdaLoRA's schedule: ranks fall to the planned mean, and a resume in any phase changes nothing."""

import shutil

import pytest
import torch

from data_recipes.schema.example import Example
from tests.training.conftest import MakeConfig
from tests.training.trainer.test_trainer import begun, trained
from training.base import find_base
from training.methods import METHODS
from training.stages.sft.job import attached_model
from training.trainer.checkpoints import newest_whole
from training.trainer.rank_schedule import penalty


@pytest.mark.slow
def test_ranks_fall_to_the_planned_mean_and_a_resume_in_either_phase_is_bit_equal(
    make_config: MakeConfig, examples: list[Example]
) -> None:
    config = make_config(
        *("method=adalora", "method.rank=4", "method.initial_rank=6", "train.precision=fp32", "train.max_steps=9"),
        *("train.epochs=5", "train.save_steps=4", "train.keep_checkpoints=3", "train.learning_rate=1e-2"),
    )
    run = begun(config)
    whole = trained(config, run, examples)
    ranks = METHODS["adalora"].ranks(run.path / "result")
    assert ranks is not None and len(ranks) == 14 and sum(ranks.values()) == 4 * 14 and len(set(ranks.values())) > 1
    name, rank = next(iter(ranks.items()))
    assert whole[f"base_model.model.{name}.lora_A"].shape[0] == rank
    for lost, left in ((("checkpoint-9", "checkpoint-8"), "checkpoint-4"), (("checkpoint-9",), "checkpoint-8")):
        for checkpoint in lost:  # the ranks fall until step 7
            shutil.rmtree(run.checkpoints / checkpoint)
        assert newest_whole(run.checkpoints, "") == run.checkpoints / left
        resumed = trained(config, run, examples)
        assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_penalty_is_that_of_the_paper(make_config: MakeConfig) -> None:
    config = make_config("method=adalora", "method.rank=1", "method.initial_rank=2", "method.targets=[q_proj]")
    model = attached_model(config, find_base(config))
    with torch.no_grad():
        for name, values in model.named_parameters():
            if "lora_A" in name or "lora_B" in name:
                values.zero_()[:2, :2] = torch.eye(2)
                if "lora_A" in name:
                    values[0, 0] = 2  # A·Aᵀ has 4 where the identity has 1
    assert penalty(model).item() == 1.5  # the mean of 3 and 0
