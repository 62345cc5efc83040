"""Preferences: what is refused before loading, training towards better answers, its resume, and the whole recipe."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from common.errors import Interrupted, UserError
from data_recipes.pipeline import build as datasets_of
from models.artifact import Artifact
from models.run_directory import RunDirectory, read_metrics
from tests.data_recipes.samples import questions, write_jsonl
from tests.training.conftest import logged
from tests.training.test_chain import SMALL
from training.chain import run_chain
from training.provenance import Provenance, fingerprint_of
from training.stages import read_stage
from training.stages.preference.config import PreferenceConfig
from training.stages.preference.job import PreferenceJob
from training.trainer.answer_logprobs import AnswerLogprobs
from training.trainer.preference import PreferenceTrainer
from training.trainer.reference import save_references, saved_references

LOSSES = ("dpo", "ipo", "orpo", "simpo")


@pytest.fixture(scope="module")
def folder(tiny_base: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("preference")
    shutil.copytree(tiny_base, folder / "base")
    pairs = [{"prompt": q, "chosen": f"{q[:4]}要看医生。", "rejected": f"{q[:4]}不用管。"} for q in questions()]
    write_jsonl(folder / "pairs.jsonl", pairs)
    return folder


def configure(folder: Path, *words: str) -> PreferenceConfig:
    fixed = (
        *("recipe=medical_dpo", "data=feedback", f"source.path={folder}/pairs.jsonl", "data.workers=1"),
        *("data.splits={dev: 6, test: 8}", f"model.path={folder}/base", "method=lora", "method.rank=2"),
        *(
            "train.batch_size=2",
            "train.max_length=64",
            "train.precision=fp32",
            "train.max_steps=5",
            "train.save_steps=2",
        ),
        *("train.log_steps=1", "train.eval_steps=5", "train.learning_rate=1e-2", "train.schedule=constant"),
        *("train.warmup_share=0", "suite=quick", "suite.max_items=2", "suite.max_new_tokens=4", "merge.tokens=40"),
        f"runs_dir={folder}/runs",
    )
    (config,) = read_stage([*fixed, *words])
    assert isinstance(config, PreferenceConfig)
    return config


def begun(folder: Path, *words: str) -> tuple[PreferenceJob, RunDirectory]:
    """A prepared job and its run, before the first step."""
    config = configure(folder, *words)
    job = PreferenceJob(config, datasets_of.load(datasets_of.build_or_reuse(config.data, config.source)))
    job.prepare()
    run = RunDirectory.create(config.runs_dir, config.name, config)
    Provenance.of(job).save(run)
    return job, run


def weights(job: PreferenceJob, run: RunDirectory) -> dict[str, torch.Tensor]:
    return load_file(job.trained(run) / "adapter_model.safetensors")


def test_what_does_not_go_together_is_refused_with_what_to_do(folder: Path) -> None:
    with pytest.raises(UserError, match=r"train\.packing: .*not packed(?s:.*)set train\.packing=false"):
        configure(folder, "train.packing=true")
    with pytest.raises(UserError, match=r"loss=dppo: no such loss.*dpo"):
        configure(folder, "loss=dppo")
    with pytest.raises(UserError, match=r"beta: .*greater than 0"):
        configure(folder, "loss.beta=0")


def test_training_starts_from_the_reference_and_goes_towards_the_better_answers(folder: Path) -> None:
    job, run = begun(folder, "train.max_steps=12", "train.eval_steps=12")
    job.train(run)
    metrics = read_metrics(run.metrics_file)
    steps, dev = [m for m in metrics if "loss" in m], [m for m in metrics if "dev_loss" in m]
    assert abs(steps[0]["reward_margin"]) < 1e-4 and steps[0]["loss"] == pytest.approx(0.6931, abs=1e-3)
    assert steps[-1]["reward_margin"] > 0.05 and dev[-1]["dev_reward_accuracy"] == 1
    assert dev[-1]["dev_loss"] < 0.69 and dev[-1]["dev_reward_margin"] > 0.05
    header = run.metrics_file.with_suffix(".csv").read_text().splitlines()[0]
    assert {"reward_accuracy", "reward_margin", "dev_reward_accuracy", "dev_reward_margin"} <= set(header.split(","))


@pytest.mark.parametrize("loss", [pytest.param(loss, marks=pytest.mark.slow) for loss in LOSSES[1:]])
def test_every_other_loss_prefers_the_better_answers_too(folder: Path, loss: str) -> None:
    job, run = begun(folder, f"loss={loss}", "train.max_steps=12", "train.eval_steps=12")
    job.train(run)
    assert read_metrics(run.metrics_file)[-1]["dev_reward_accuracy"] == 1
    assert run.reference_file.exists() is job.config.loss.needs_reference


@pytest.mark.slow  # three trainings; test_trainer.py has the resume
def test_an_interrupted_run_resumes_to_the_same_bits_without_a_second_reference(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, whole_run = begun(folder)
    whole.train(whole_run)
    parts, run = begun(folder)
    step = PreferenceTrainer.training_step

    def interrupting(self: PreferenceTrainer, *arguments: Any, **named: Any) -> torch.Tensor:
        if self.state.global_step == 3:
            raise KeyboardInterrupt
        return step(self, *arguments, **named)

    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(PreferenceTrainer, "training_step", interrupting)
        parts.train(run)
    written = run.reference_file.stat().st_mtime_ns
    parts.train(run)
    assert run.reference_file.stat().st_mtime_ns == written
    expected, found = weights(whole, whole_run), weights(parts, run)
    assert expected.keys() == found.keys() and all(torch.equal(expected[name], found[name]) for name in expected)
    losses = [[m.get("loss") for m in read_metrics(one.metrics_file)] for one in (whole_run, run)]
    assert losses[0] == losses[1]


def test_references_of_another_run_or_damaged_ones_are_computed_again(tmp_path: Path) -> None:
    file = tmp_path / "reference.safetensors"
    references = {"train": torch.tensor([[-1.0, -2.0]]), "dev": torch.tensor([[-3.0, -4.0]])}
    assert saved_references(file, "a") is None
    save_references(file, references, "a")
    found = saved_references(file, "a")
    assert found is not None and all(torch.equal(found[name], references[name]) for name in references)
    with logged() as lines:
        assert saved_references(file, "b") is None
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
        assert saved_references(file, "a") is None
        file.write_bytes(content[:20])
        assert saved_references(file, "a") is None
    assert len(lines) == 3 and all("computed again" in line for line in lines)


def test_the_largest_step_has_both_answers_of_the_longest_pairs(folder: Path) -> None:
    job, _ = begun(folder)
    step, pairs = job._largest_step(), job.pairs["train"]
    most = sorted((sum(pair.better.mask) + sum(pair.worse.mask) for pair in pairs), reverse=True)
    assert (step.rows, step.supervised) == (4, sum(most[:2])) and step.loss is AnswerLogprobs
    assert step.length == max(len(sequence.ids) for pair in pairs for sequence in pair)


@pytest.mark.slow  # rehearses the whole run
def test_the_memory_plan_grows_with_the_pairs_of_a_step(folder: Path) -> None:
    job, _ = begun(folder)
    more, _ = begun(folder, "train.batch_size=8")
    small, large = (one.plan().phases["training"].computing for one in (job, more))
    assert 2.5 < large / small < 5  # 16 rows instead of 4


def test_a_run_is_made_from_its_loss(folder: Path) -> None:
    fingerprints = {fingerprint_of(begun(folder, f"loss={loss}")[1]) for loss in ("dpo", "orpo")}
    assert len(fingerprints) == 2


@pytest.mark.slow
def test_the_recipe_continues_a_run_and_ends_in_a_merged_model_with_a_report_and_a_card(tmp_path: Path) -> None:
    (first,) = read_stage(["recipe=medical_qlora", *SMALL, f"runs_dir={tmp_path}/runs"])
    run_chain(first)
    small = [word for word in SMALL if not word.startswith("model.embedded")]
    path = f"model.path={tmp_path}/runs/medical_qlora/latest"
    (second,) = read_stage(["recipe=medical_dpo", *small, path, f"runs_dir={tmp_path}/runs"])
    out = run_chain(second)
    (sft,), (run,) = (tuple((tmp_path / "runs" / name).iterdir()) for name in ("medical_qlora", "medical_dpo"))
    artifact = Artifact.load(run)
    assert artifact.kind == "merged" and artifact.merge_proof.passed
    assert Path(artifact.base.path) == (sft / "merged").resolve() and str(run) in out
    report = json.loads((run / "report/report.json").read_text(encoding="utf-8"))
    assert set(report["systems"]["tuned"]) == {"heldout_phrasing", "unseen_entity", "safety"}
    assert report["provenance"]["model_versions"]["base"] == "medical_qlora"
    card = (run / "merged/README.md").read_text(encoding="utf-8")
    assert "`loss.kind=dpo`" in card and "answers are worthless" in card and "由规则造出" in card
    dev = [m for m in read_metrics(run / "metrics.jsonl") if "dev_loss" in m]
    assert all(0 <= m["dev_reward_accuracy"] <= 1 for m in dev)


@pytest.mark.slow  # two trainings
def test_an_adapter_that_training_begins_with_is_part_of_the_reference(folder: Path) -> None:
    first, run = begun(folder)
    first.train(run)
    artifact = first.finish(run)
    artifact.save(artifact.directory(run.path))
    second, again = begun(folder, f"adapter.path={run.path}", "train.max_steps=2")
    second.train(again)
    steps = [line for line in read_metrics(again.metrics_file) if "loss" in line]
    assert abs(steps[0]["reward_margin"]) < 1e-4 and steps[0]["loss"] == pytest.approx(0.6931, abs=1e-3)
    references = [load_file(one.reference_file)["train"] for one in (run, again)]
    assert not torch.allclose(*references, atol=1e-2)  # the adapter has changed how likely the answers are
