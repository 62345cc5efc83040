"""Rewards: what is refused before loading, a planted reward that rises, its resume, and the whole recipe."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from common.errors import Interrupted, UserError
from data_recipes.pipeline import build as datasets_of
from data_recipes.schema.example import Example
from models.run_directory import RunDirectory, read_metrics
from tests.training.conftest import logged
from training.provenance import Provenance
from training.stages import read_stage
from training.stages.grpo.config import GrpoConfig
from training.stages.grpo.job import GrpoJob
from training.trainer.answer_logprobs import AnswerLogprobs
from training.trainer.policy import PolicyTrainer
from training.trainer.rollouts import Weighed

PLANTED = "的"


@pytest.fixture(scope="module")
def folder(tiny_base: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grpo")
    shutil.copytree(tiny_base, folder / "base")
    return folder


def configure(folder: Path, *words: str) -> GrpoConfig:
    fixed = (
        *("recipe=math_grpo", "data.workers=1", "source.grades=[1]", f"model.path={folder}/base", "method.rank=4"),
        *("data.splits={train: 40, dev: 40, test: 4, unseen_kinds: 4, unseen_numbers: 4, distractors: 4}",),
        *('rewards=[{kind: format, pattern: "答.*"}]', "policy.group=4", "policy.max_new_tokens=10"),
        *("train.batch_size=4", "train.max_length=160", "train.precision=fp32", "train.max_steps=4"),
        *("train.save_steps=1", "train.log_steps=1", "train.eval_steps=4", "train.learning_rate=5e-3"),
        *("train.schedule=constant", "train.warmup_share=0", "suite=quick", "suite.max_items=2"),
        *("suite.max_new_tokens=4", "merge.tokens=40", f"runs_dir={folder}/runs"),
    )
    (config,) = read_stage([*fixed, *words])
    assert isinstance(config, GrpoConfig)
    return config


def planted(examples: Sequence[Example], answers: Sequence[str]) -> list[float]:
    """The share of one character."""
    return [answer.count(PLANTED) / max(1, len(answer)) for answer in answers]


def begun(folder: Path, *words: str) -> tuple[GrpoJob, RunDirectory]:
    """A prepared job with the planted reward, and its run, before the first step."""
    config = configure(folder, *words)
    job = GrpoJob(config, datasets_of.load(datasets_of.build_or_reuse(config.data, config.source)))
    job.prepare()
    job.rewards = [Weighed("planted", 1.0, planted)]
    run = RunDirectory.create(config.runs_dir, config.name, config)
    Provenance.of(job).save(run)
    return job, run


def test_a_planted_reward_rises(folder: Path) -> None:
    job, run = begun(folder, "train.max_steps=20", "train.eval_steps=20")
    job.train(run)
    metrics = [m for m in read_metrics(run.metrics_file) if "loss" in m]
    rewards = [m["reward"] for m in metrics]
    print(rewards)
    assert sum(rewards[-3:]) / 3 > sum(rewards[:3]) / 3 + 0.2


@pytest.mark.slow  # three trainings
@pytest.mark.parametrize("words", [["policy.kl=0.1"], ["policy.updates=2", "policy.advantage=rloo"]])
def test_an_interrupted_run_resumes_to_the_same_bits(
    folder: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, whole_run = begun(folder, *words)
    whole.train(whole_run)
    parts, run = begun(folder, *words)
    step = PolicyTrainer.training_step

    def interrupting(self: PolicyTrainer, *arguments: Any, **named: Any) -> torch.Tensor:
        if self.state.global_step == 3:  # with two updates: in the middle of a rollout
            raise KeyboardInterrupt
        return step(self, *arguments, **named)

    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(PolicyTrainer, "training_step", interrupting)
        parts.train(run)
    parts.train(run)
    expected, found = (load_file(job.trained(at) / "adapter_model.safetensors") for job, at in ((whole, whole_run), (parts, run)))
    assert expected.keys() == found.keys() and all(torch.equal(expected[name], found[name]) for name in expected)
    names = ("loss", "reward", "kl", "clipped", "groups_without_spread", "dev_reward")
    metrics = [[[m.get(name) for name in names] for m in read_metrics(one.metrics_file)] for one in (whole_run, run)]
    assert metrics[0] == metrics[1]
    assert whole_run.samples_file.read_text("utf-8") == run.samples_file.read_text("utf-8")
