"""Reward models: what is refused, training on pairs, what is written, and a language model that learns from it."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from common.errors import Refused, UserError
from data_recipes.schema.example import Message
from models.artifact import Artifact, RewardArtifact
from models.engines.local import load_engine
from models.reward_model import RewardModel
from models.run_directory import RunDirectory, read_metrics
from tests.data_recipes.samples import questions, write_jsonl
from training.chain import run_chain
from training.earlier_run import model_of_run
from training.stages import read_stage
from training.stages.reward.config import RewardModelConfig
from training.trainer.reward import bradley_terry

SMALL = (
    *("data.workers=1", "method=lora", "method.rank=4", "train.batch_size=8", "train.max_length=64"),
    *("train.precision=fp32", "train.log_steps=1", "train.eval_steps=40", "train.save_steps=20"),
    *("train.learning_rate=3e-3", "train.schedule=constant", "train.warmup_share=0", "merge.tokens=40"),
)


CHAIN = (
    "model.embedded={vocab_size: 1500, hidden_size: 64, layers: 1, sequence_length: 64, batch_size: 4, steps: 20}",
    *("data.splits.train=300", "train.batch_size=4", "train.max_length=128", "train.max_steps=3", "train.save_steps=3"),
    *("train.log_steps=1", "suite=quick", "suite.max_items=4", "suite.max_new_tokens=12", "merge.tokens=40"),
)


@pytest.fixture(scope="module")
def folder(tiny_base: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reward")
    shutil.copytree(tiny_base, folder / "base")
    pairs = [{"prompt": q, "chosen": f"{q[:4]}要看医生。", "rejected": f"{q[:4]}不用管。"} for q in questions()]
    write_jsonl(folder / "pairs.jsonl", pairs)
    return folder


def configure(folder: Path, *words: str) -> RewardModelConfig:
    (config,) = read_stage(
        [
            *("recipe=medical_reward", "data=feedback", f"source.path={folder}/pairs.jsonl"),
            *("data.splits={dev: 6, test: 8}", f"model.path={folder}/base", f"runs_dir={folder}/runs", *SMALL),
            *("train.max_steps=40", *words),
        ]
    )
    assert isinstance(config, RewardModelConfig)
    return config


@pytest.fixture(scope="module")
def run(folder: Path) -> RunDirectory:
    """A finished run."""
    run_chain(configure(folder))
    (path,) = (folder / "runs/medical_reward").iterdir()
    return RunDirectory(path)


def test_the_loss_of_equal_rewards_is_log_2_and_falls_with_the_margin() -> None:
    found = bradley_terry(torch.tensor([1.0, 1.0, 3.0, -1.0]))
    assert found.margins.tolist() == [0, 4] and found.losses.tolist() == pytest.approx([0.693147, 0.018150], abs=1e-6)


@pytest.mark.parametrize("word", ["method=ptuning_v2", "merge.enabled=false"])
def test_what_does_not_become_one_model_is_refused(word: str) -> None:
    with pytest.raises(UserError, match=r"set method=lora or method=qlora, and merge\.enabled=true"):
        read_stage(["recipe=medical_reward", word])


@pytest.mark.slow  # needs a finished run
def test_better_answers_are_rated_higher_also_those_held_out(run: RunDirectory) -> None:
    steps = [m for m in read_metrics(run.metrics_file) if "loss" in m]
    assert steps[-1]["loss"] < 0.5 * steps[0]["loss"] and steps[-1]["reward_accuracy"] == 1
    report = json.loads((run.report / "report.json").read_text("utf-8"))
    (suite,) = report["systems"]["tuned"]
    score = report["systems"]["tuned"][suite]["pair_accuracy"]
    assert score["value"] > 0.8 and score["low"] < score["value"] <= score["high"] and score["n"] == 8
    assert set(report["systems"]) == {"base", "longer", "tuned"}
    assert list(report["systems"]["tuned"][suite]) == ["pair_accuracy"]


@pytest.mark.slow  # needs a finished run
def test_the_result_is_an_ordinary_classifier_with_the_rewards_that_were_trained(run: RunDirectory) -> None:
    artifact = Artifact.load(run.path)
    assert isinstance(artifact, RewardArtifact) and artifact.merge_proof.passed
    rated = RewardModel.load(run.path)
    question = Message(role="user", content="头痛怎么办？")
    said = [Message(role="assistant", content=text) for text in ("头痛怎要看医生。", "头痛怎不用管。")]
    better, worse = rated.rate([(question, one) for one in said])
    assert better > worse
    plain = AutoModelForSequenceClassification.from_pretrained(run.path / "reward")
    ids = rated.prompt_format.render((question, said[0])).ids
    with torch.no_grad():
        assert float(plain(torch.tensor([ids])).logits) == pytest.approx(better, abs=1e-4)
    assert "RewardModel.load" in (run.path / "reward/README.md").read_text("utf-8")


@pytest.mark.slow  # needs a finished run
def test_a_reward_model_is_no_chat_model_and_no_base_and_a_chat_model_rates_nothing(
    run: RunDirectory, folder: Path
) -> None:
    for path in (run.path, run.path / "reward"):
        with pytest.raises(UserError, match=r"rates answers and cannot chat(?s:.*)recipe=medical_rlhf"):
            load_engine(path)
    with pytest.raises(UserError, match="no model of its own: a reward model"):
        model_of_run(run.path)
    with pytest.raises(UserError, match=r"artifact\.json"):
        RewardModel.load(folder / "base")


@pytest.mark.slow  # needs a finished run
def test_a_changed_reward_model_is_refused(run: RunDirectory, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run.path, copy)
    config = copy / "reward/config.json"
    config.write_text(config.read_text("utf-8") + "\n", "utf-8")
    with pytest.raises(Refused, match=r"config\.json"):
        RewardModel.load(copy)


@pytest.mark.slow
def test_the_chain_of_three_recipes_ends_in_a_model_that_learned_from_the_reward_model(tmp_path: Path) -> None:
    """SFT, reward model, and learning from its rewards, as three commands."""
    runs = f"runs_dir={tmp_path}/runs"
    (first,) = read_stage(["recipe=medical_qlora", *CHAIN, runs])
    run_chain(first)
    small = [word for word in CHAIN if not word.startswith("model.embedded")]
    base = f"model.path={tmp_path}/runs/medical_qlora/latest"
    (second,) = read_stage(["recipe=medical_reward", *small, base, runs])
    run_chain(second)
    latest = f"rewards=[{{kind: reward_model, run: {tmp_path}/runs/medical_reward/latest}}, {{kind: refusal}}]"
    policy = ("policy.group=2", "policy.max_new_tokens=8", "policy.dev_questions=4", "train.batch_size=2")
    (third,) = read_stage(["recipe=medical_rlhf", *small, base, latest, *policy, runs])
    out = run_chain(third)
    (reward,), (tuned,) = (tuple((tmp_path / "runs" / name).iterdir()) for name in ("medical_reward", "medical_rlhf"))
    artifact = Artifact.load(tuned)
    assert artifact.kind == "merged" and artifact.merge_proof.passed and str(tuned) in out
    assert str(reward) in (tuned / "config.yaml").read_text("utf-8")  # which run "latest" was
    steps = [m for m in read_metrics(tuned / "metrics.jsonl") if "loss" in m]
    assert all({"reward", "reward_reward_model", "reward_refusal", "kl"} <= m.keys() for m in steps)
    held_out = json.loads((reward / "report/report.json").read_text("utf-8"))["systems"]["tuned"]
    assert held_out and all(0 <= scores["pair_accuracy"]["value"] <= 1 for scores in held_out.values())
