"""Rewards: what is refused before loading, a planted reward that rises, its resume, and the whole recipe."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from common.errors import Interrupted, Refused, UserError
from data_recipes.pipeline import build as datasets_of
from data_recipes.schema.example import Example
from models.artifact import Artifact
from models.run_directory import RunDirectory, read_metrics
from tests.training.conftest import logged
from training.chain import run_chain
from training.provenance import Provenance
from training.stages import read_stage
from training.stages.grpo.config import GrpoConfig
from training.stages.grpo.job import GrpoJob
from training.trainer.answer_logprobs import AnswerLogprobs
from training.trainer.policy import PolicyTrainer
from training.trainer.rollouts import Asking, Weighed

PLANTED = "的"
FORM = ('rewards=[{kind: numeric}, {kind: format, weight: 0.1, pattern: "[^0-9]*"}]',)
"""A reward that some answers of a base that has learned next to nothing have, and others do not."""


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


def test_what_does_not_go_together_is_refused_with_what_to_do() -> None:
    def refused(*words: str) -> str:
        with pytest.raises(UserError) as error:
            read_stage(["recipe=math_grpo", *words])
        return str(error.value)

    assert "did you mean 'numeric'?" in refused("rewards=[{kind: numerik}]")
    assert "named twice" in refused("rewards=[{kind: numeric}, {kind: numeric}]")
    assert "not a regular expression" in refused('rewards=[{kind: format, pattern: "("}]')
    assert "raise train.max_length" in refused("policy.max_new_tokens=256")
    # with its adapter off, the model is not the base
    assert "policy.kl=0, or method=qlora" in refused("policy.kl=0.1", "method=pissa")


def test_questions_that_no_reward_can_score_are_refused_before_there_is_a_run(folder: Path) -> None:
    config = configure(folder, "rewards=[{kind: numeric}]")
    dataset = datasets_of.load(datasets_of.build_or_reuse(config.data, config.source))
    splits = {name: [e.model_copy(update={"result": ""}) for e in items] for name, items in dataset.splits.items()}
    with pytest.raises(UserError, match=r"no question of \d+ can be scored by numeric(?s:.*)choose rewards"):
        GrpoJob(config, replace(dataset, splits=splits)).prepare()


def test_a_planted_reward_rises(folder: Path) -> None:
    job, run = begun(folder, "train.max_steps=12", "train.eval_steps=12")
    job.train(run)
    metrics = [m for m in read_metrics(run.metrics_file) if "loss" in m]
    rewards = [m["reward"] for m in metrics]
    assert sum(rewards[-4:]) / 4 > sum(rewards[:4]) / 4 + 0.3  # 0.9 and 0.01, where this was written
    assert metrics[0]["clipped"] == 0 and metrics[0]["kl"] == 0 and 0 < metrics[0]["answer_tokens"] <= 10
    (dev,) = [m for m in read_metrics(run.metrics_file) if "dev_loss" in m]
    assert dev["dev_reward"] == -dev["dev_loss"] > rewards[0] and "dev_kl" not in dev
    samples = [json.loads(line) for line in run.samples_file.read_text("utf-8").splitlines()]
    assert len(samples[-1]["answers"]) == 4 and all("planted" in answer for answer in samples[-1]["answers"])


def test_answers_without_spread_are_told(folder: Path) -> None:
    job, run = begun(folder, "train.max_steps=1", "train.eval_steps=1")
    job.rewards = [Weighed("planted", 1.0, lambda examples, answers: [1.0] * len(answers))]
    with logged() as lines, pytest.raises(Refused, match="training changed none"):
        job.train(run)
    assert any("nothing was learned from them" in line for line in lines)


def test_sampled_answers_follow_the_seed_the_step_and_the_row_alone(folder: Path) -> None:
    job, _ = begun(folder)
    model = job.language_model.load(torch.float32)
    asking = Asking(model, job.language_model.prompt_format, job.rewards, 6, job.config.seed)
    questions = job.questions["train"].asked[:2]
    first, again, later = (asking.sampled(questions, 2, step) for step in (0, 0, 1))
    assert [a.text for a in first] == [a.text for a in again] != [a.text for a in later]
    assert all(a.sequence.ids[: a.sequence.mask.index(1)] in job.questions["train"].prompts for a in first)


def test_the_largest_step_has_every_answer_at_its_longest(folder: Path) -> None:
    job, _ = begun(folder, "train.gradient_accumulation=2")
    step, prompt = job._largest_step(), max(map(len, job.questions["train"].prompts))
    assert (step.rows, step.length, step.supervised) == (16, prompt + 10, 160) and step.loss is AnswerLogprobs
    assert step.sampled == (32, prompt, 10)


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
    files = (job.trained(at) / "adapter_model.safetensors" for job, at in ((whole, whole_run), (parts, run)))
    expected, found = map(load_file, files)
    assert expected.keys() == found.keys() and all(torch.equal(expected[name], found[name]) for name in expected)
    names = ("loss", "reward", "kl", "clipped", "groups_without_spread", "dev_reward")
    metrics = [[[m.get(name) for name in names] for m in read_metrics(one.metrics_file)] for one in (whole_run, run)]
    assert metrics[0] == metrics[1]
    assert whole_run.samples_file.read_text("utf-8") == run.samples_file.read_text("utf-8")


@pytest.mark.slow
def test_the_recipe_continues_a_run_and_ends_in_a_merged_model_with_a_report_and_a_card(tmp_path: Path) -> None:
    small = (
        *("source.grades=[1]", "data.splits={train: 120, dev: 40, test: 4, unseen_kinds: 4, unseen_numbers: 4}"),
        *("train.batch_size=4", "train.max_length=128", "train.max_steps=4", "train.save_steps=2", "suite=quick"),
        *("train.log_steps=1", "suite.max_items=4", "suite.max_new_tokens=12", "merge.tokens=40", "method=qlora_small"),
        f"runs_dir={tmp_path}/runs",
    )
    base = (
        "model.embedded={vocab_size: 4200, hidden_size: 64, layers: 1, sequence_length: 64, batch_size: 4, steps: 20}"
    )
    (first,) = read_stage(["recipe=math_qlora", base, *small])
    run_chain(first)
    few = ("policy.group=4", "policy.max_new_tokens=8", "policy.dev_questions=4")
    (second,) = read_stage(["recipe=math_grpo", f"model.path={tmp_path}/runs/math_qlora/latest", *few, *FORM, *small])
    out = run_chain(second)
    (sft,), (run,) = (tuple((tmp_path / "runs" / name).iterdir()) for name in ("math_qlora", "math_grpo"))
    artifact = Artifact.load(run)
    assert artifact.kind == "merged" and artifact.merge_proof.passed and artifact.quantisation == "nf4"
    assert Path(artifact.base.path) == (sft / "merged").resolve() and str(run) in out
    report = json.loads((run / "report/report.json").read_text(encoding="utf-8"))
    assert report["provenance"]["model_versions"]["base"] == "math_qlora"
    card = (run / "merged/README.md").read_text(encoding="utf-8")
    assert "`policy.advantage=grpo`" in card and "rewards.numeric" in card
    steps = [m for m in read_metrics(run / "metrics.jsonl") if "loss" in m]
    assert len(steps) == 4 and all(0 <= m["groups_without_spread"] <= 1 for m in steps)
