"""Judged answers: what is refused before loading, batches, training, its resume, and the whole recipe."""

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
from training.batches.labelled import DESIRABLE, OTHER, LabelledRows, collate_labelled
from training.batches.packing import IGNORED
from training.batches.pairs import REFERENCE
from training.chain import run_chain
from training.provenance import Provenance
from training.stages import read_stage
from training.stages.kto.config import KtoConfig
from training.stages.kto.job import KtoJob
from training.stages.sft.job import SftJob
from training.trainer.answer_logprobs import AnswerLogprobs
from training.trainer.kto import KtoTrainer

GOOD, BAD = "要看医生。", "不用管。"


@pytest.fixture(scope="module")
def folder(tiny_base: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kto")
    shutil.copytree(tiny_base, folder / "base")
    rows = [
        {"prompt": q, "completion": f"{q[:4]}{GOOD if n % 2 else BAD}", "label": bool(n % 2)}
        for n, q in enumerate(questions())
    ]
    write_jsonl(folder / "labelled.jsonl", rows)
    write_jsonl(folder / "good.jsonl", [row for row in rows if row["label"]])
    return folder


def words_of(folder: Path) -> list[str]:
    return [
        *("recipe=medical_kto", "data=feedback", f"source.path={folder}/labelled.jsonl", "source.unpaired=true"),
        *("data.workers=1", "data.splits={dev: 6, test: 8}", f"model.path={folder}/base", "method=lora"),
        *("method.rank=2", "train.batch_size=4", "train.max_length=64", "train.precision=fp32", "train.max_steps=5"),
        *("train.save_steps=2", "train.log_steps=1", "train.eval_steps=5", "train.learning_rate=1e-2"),
        *("train.schedule=constant", "train.warmup_share=0", "suite=quick", "suite.max_items=2"),
        *("suite.max_new_tokens=4", "merge.tokens=40", f"runs_dir={folder}/runs"),
    ]


def configure(folder: Path, *words: str) -> KtoConfig:
    (config,) = read_stage([*words_of(folder), *words])
    assert isinstance(config, KtoConfig)
    return config


def begun(folder: Path, *words: str) -> tuple[KtoJob, RunDirectory]:
    """A prepared job and its run, before the first step."""
    config = configure(folder, *words)
    job = KtoJob(config, datasets_of.load(datasets_of.build_or_reuse(config.data, config.source)))
    job.prepare()
    run = RunDirectory.create(config.runs_dir, config.name, config)
    Provenance.of(job).save(run)
    return job, run


def test_what_does_not_go_together_is_refused_with_what_to_do(folder: Path) -> None:
    with pytest.raises(UserError, match=r"batch_size: .*greater than or equal to 2"):
        configure(folder, "train.batch_size=1")
    with pytest.raises(UserError, match=r"train\.packing: .*not packed"):
        configure(folder, "train.packing=true")
    with pytest.raises(UserError, match=r"all \d+ answers are desirable(?s:.*)recipe=medical_qlora"):
        begun(folder, f"source.path={folder}/good.jsonl")


def test_bad_answers_are_not_fine_tuned_on(folder: Path) -> None:
    words = [word for word in words_of(folder) if not word.startswith("recipe=")]
    (config,) = read_stage(["recipe=medical_qlora", "model=generic", *words])
    job = SftJob(config, datasets_of.load(datasets_of.build_or_reuse(config.data, config.source)))  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"examples have no answer to learn(?s:.*)recipe=medical_kto"):
        job.prepare()


def test_the_answers_of_a_batch_are_those_of_its_mismatched_prompts_but_one(folder: Path) -> None:
    job, _ = begun(folder)
    answers = job.answers["train"]
    assert {one.desirable for one in answers} == {True, False}

    def said(mask: list[int], ids: list[int]) -> list[int]:
        return [token for token, supervised in zip(ids, mask, strict=True) if supervised]

    own = [said(one.answer.mask, one.answer.ids) for one in answers]
    others = [said(one.other.mask, one.other.ids) for one in answers]
    assert others == [own[-1], *own[:-1]]
    prompts = [[one.ids[: one.mask.index(1)] for one in (row.answer, row.other)] for row in answers]
    assert all(first == second for first, second in prompts)


def test_a_batch_has_answers_and_others_side_by_side(folder: Path) -> None:
    job, _ = begun(folder)
    answers = job.answers["train"][:3]
    references = torch.arange(6.0).view(3, 2)
    rows = LabelledRows(answers, references)
    batch = collate_labelled([rows[i] for i in range(3)])
    assert batch[DESIRABLE].tolist() == [one.desirable for one in answers] and torch.equal(batch[REFERENCE], references)
    supervised = [int((batch[name] != IGNORED).sum()) for name in ("labels", f"{OTHER}labels")]
    assert supervised == [sum(sum(one.answer.mask) for one in answers), sum(sum(one.other.mask) for one in answers)]


def test_weights_that_the_paper_advises_against_are_told_with_better_ones(folder: Path) -> None:
    with logged() as lines:
        begun(folder, "loss.desirable_weight=4")
    (told,) = [line for line in lines if "KTO works best" in line]
    assert "weigh 4." in told or "weigh 3." in told
    better = told.split("loss.desirable_weight=")[1].split(",")[0]
    with logged() as lines:
        begun(folder, f"loss.desirable_weight={float(better) * 1.01}")
    assert not any("KTO works best" in line for line in lines)


def test_training_starts_from_the_reference_and_goes_towards_the_desirable_answers(folder: Path) -> None:
    job, run = begun(folder, "train.max_steps=12", "train.eval_steps=12")
    job.train(run)
    metrics = read_metrics(run.metrics_file)
    steps, dev = [m for m in metrics if "loss" in m], [m for m in metrics if "dev_loss" in m]
    assert abs(steps[0]["reward_margin"]) < 1e-4 and steps[0]["loss"] == pytest.approx(0.5, abs=1e-4)
    assert steps[0]["kl"] < 1e-4
    assert dev[-1]["dev_loss"] < 0.49 and dev[-1]["dev_reward_margin"] > 0.03 and dev[-1]["dev_reward_accuracy"] > 0.8
    header = run.metrics_file.with_suffix(".csv").read_text().splitlines()[0]
    assert {"reward_accuracy", "reward_margin", "kl", "dev_kl"} <= set(header.split(","))


def test_the_largest_step_has_the_longest_of_both_sequences(folder: Path) -> None:
    job, _ = begun(folder)
    step, answers = job._largest_step(), job.answers["train"]
    most = sorted((sum(one.answer.mask) for one in answers), reverse=True)
    assert (step.rows, step.supervised) == (4, sum(most[:4])) and step.loss is AnswerLogprobs
    assert step.length == max(max(len(one.answer.ids), len(one.other.ids)) for one in answers)


@pytest.mark.slow  # three trainings
def test_an_interrupted_run_resumes_to_the_same_bits(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, whole_run = begun(folder)
    whole.train(whole_run)
    parts, run = begun(folder)
    step = KtoTrainer.training_step

    def interrupting(self: KtoTrainer, *arguments: Any, **named: Any) -> torch.Tensor:
        if self.state.global_step == 3:
            raise KeyboardInterrupt
        return step(self, *arguments, **named)

    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(KtoTrainer, "training_step", interrupting)
        parts.train(run)
    parts.train(run)
    files = (job.trained(at) / "adapter_model.safetensors" for job, at in ((whole, whole_run), (parts, run)))
    expected, found = map(load_file, files)
    assert expected.keys() == found.keys() and all(torch.equal(expected[name], found[name]) for name in expected)
    losses = [[(m.get("loss"), m.get("kl")) for m in read_metrics(one.metrics_file)] for one in (whole_run, run)]
    assert losses[0] == losses[1]


@pytest.mark.slow
def test_the_recipe_continues_a_run_and_ends_in_a_merged_model(tmp_path: Path) -> None:
    (first,) = read_stage(["recipe=medical_qlora", *SMALL, f"runs_dir={tmp_path}/runs"])
    run_chain(first)
    small = [word for word in SMALL if not word.startswith("model.embedded")]
    path = f"model.path={tmp_path}/runs/medical_qlora/latest"
    (second,) = read_stage(["recipe=medical_kto", *small, path, f"runs_dir={tmp_path}/runs"])
    run_chain(second)
    (run,) = (tmp_path / "runs" / "medical_kto").iterdir()
    artifact = Artifact.load(run)
    assert artifact.kind == "merged" and artifact.merge_proof.passed
    card = (run / "merged/README.md").read_text(encoding="utf-8")
    assert "`loss.undesirable_weight=1.0`" in card
