"""Distillation: which teachers are refused, the memory plan, a student that comes nearer, and the whole recipe."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from common.errors import Refused, UserError
from data_recipes.pipeline import build as datasets_of
from models.config import EmbeddedConfig
from models.embedded import build
from models.loading import load_model, load_tokenizer
from models.run_directory import RunDirectory, read_metrics
from tests.conftest import PROSE
from tests.data_recipes.samples import bencao_rows, write_jsonl
from tests.training.test_chain import SMALL
from training.batches.packing import collate_padded
from training.chain import run_chain
from training.provenance import Provenance
from training.stages import open_run, read_stage
from training.stages.distill.config import DistillConfig
from training.stages.distill.job import DistillJob
from training.trainer.answer_logprobs import AnswerLogprobs
from training.trainer.distillation import DistillationLoss, Taught


@pytest.fixture(scope="module")
def folder(tiny_base: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base, and a teacher with the same tokens that differs from it."""
    folder = tmp_path_factory.mktemp("distill")
    shutil.copytree(tiny_base, folder / "base")
    teacher = load_model(tiny_base, dtype=torch.float32)
    with torch.no_grad():
        for values in teacher.parameters():
            values *= 1 + 0.2 * torch.randn(values.shape, generator=torch.Generator().manual_seed(1))
    teacher.save_pretrained(folder / "teacher")
    load_tokenizer(tiny_base).save_pretrained(folder / "teacher")
    write_jsonl(folder / "rows.jsonl", bencao_rows())
    return folder


def configure(folder: Path, *words: str) -> DistillConfig:
    fixed = (
        *("recipe=medical_distill", "data=rows", f"source.path={folder}/rows.jsonl", "data.workers=1"),
        *("data.splits={dev: 6, test: 8}", "model=llama", f"model.path={folder}/base", "model.dtype=float32"),
        *("model.prompt_format=xinglin", f"teacher.path={folder}/teacher", "teacher.prompt_format=xinglin"),
        *(() if "method=ptuning_v2" in words else ("method=lora", "method.rank=4")),
        *("train.batch_size=4", "train.max_length=64", "train.packing=false"),
        *("train.precision=fp32", "train.max_steps=10", "train.save_steps=10", "train.log_steps=1"),
        *("train.eval_steps=10", "train.learning_rate=5e-4", "train.schedule=constant", "train.warmup_share=0"),
        *("suite=quick", "suite.max_items=2", "suite.max_new_tokens=4", "merge.tokens=40"),
        f"runs_dir={folder}/runs",
    )
    (config,) = read_stage([*fixed, *words])
    assert isinstance(config, DistillConfig)
    return config


def job_of(config: DistillConfig) -> DistillJob:
    return DistillJob(config, datasets_of.load(datasets_of.build_or_reuse(config.data, config.source)))


def begun(folder: Path, *words: str) -> tuple[DistillJob, RunDirectory]:
    """A prepared job and its run, before the first step."""
    job = job_of(configure(folder, *words))
    job.prepare()
    run = RunDirectory.create(job.config.runs_dir, job.config.name, job.config)
    Provenance.of(job).save(run)
    return job, run


def test_a_teacher_with_other_tokens_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    other = EmbeddedConfig(vocab_size=4200, hidden_size=64, layers=1, sequence_length=16, batch_size=1, steps=1)
    build(PROSE, other, tmp_path)
    with pytest.raises(UserError, match=r"teacher\.path=.*teacher stranger has another tokenizer than the student"):
        job_of(configure(folder, f"teacher.path={tmp_path}", "teacher.name=stranger"))
    with pytest.raises(UserError, match=r"beta: .*less than or equal to 1"):
        configure(folder, "loss.beta=2")


def test_the_memory_plan_counts_the_teacher(folder: Path) -> None:
    job, _ = begun(folder)
    step = job._largest_step()
    teacher = load_model(folder / "teacher", dtype=torch.float32)
    assert step.beside is not None and step.beside.weights == sum(v.nbytes for v in teacher.parameters())
    assert step.beside.reading > 0 and step.beside.kept >= step.supervised * teacher.config.hidden_size * 4


def test_a_student_comes_nearer_and_the_run_goes_on_only_with_its_teacher(folder: Path) -> None:
    job, run = begun(folder)
    job.train(run)
    metrics = read_metrics(run.metrics_file)
    losses, (dev,) = [m["loss"] for m in metrics if "loss" in m], [m["dev_loss"] for m in metrics if "dev_loss" in m]
    assert dev < 0.75 * losses[0] and sum(losses[-3:]) < 0.75 * sum(losses[:3])
    resumed, _ = open_run(run.path)
    assert isinstance(resumed, DistillConfig) and resumed.teacher.sha256 == job.config.teacher.sha256 is not None
    job_of(resumed)
    changed = resumed.teacher.model_copy(update={"path": str(folder / "base")})
    with pytest.raises(Refused, match="another one than the run began with"):
        job_of(resumed.model_copy(update={"teacher": changed}))


def test_a_cartridge_learns_what_the_teacher_says_with_the_document_before_it(folder: Path, tmp_path: Path) -> None:
    document = tmp_path / "document.txt"
    document.write_text("感冒的常见症状有鼻塞、流涕和咽痛，可以多休息、多喝水。", encoding="utf-8")
    words = (
        *("method=ptuning_v2", "method.prefix_length=8", "method.start=text", f"teacher.document={document}"),
        *(f"teacher.path={folder}/base", "train.learning_rate=5e-3"),
    )
    with pytest.raises(UserError, match=r"packed rows hold several: set train\.packing=false"):
        configure(folder, f"teacher.document={document}", "train.packing=true")
    job, run = begun(folder, *words)
    ids = job.document
    assert job._texts() == [ids] and len(ids) > 8
    torch.manual_seed(0)
    teacher = load_model(folder / "base", dtype=torch.float32)
    batch = collate_padded(job.rows["train"].rows[:2])
    del batch["tokens"]
    with AnswerLogprobs(teacher, torch.float32) as taught, torch.no_grad():
        loss = DistillationLoss(taught, taught, Taught(teacher, 0.0, ids))
        loss.read(batch)
        (row, *_), (mask, *_) = batch["input_ids"], batch["attention_mask"]
        alone = teacher(input_ids=torch.cat([torch.tensor(ids), row[mask.bool()]])[None], use_cache=False).logits[0]
    labels = batch["labels"][0][mask.bool()]
    expected = alone[len(ids) : -1][labels[1:] != -100]
    torch.testing.assert_close(loss.of_teacher[: len(expected)], expected, rtol=1e-3, atol=1e-3)
    job.train(run)
    metrics = read_metrics(run.metrics_file)
    losses = [line["loss"] for line in metrics if "loss" in line]
    assert losses[-1] < losses[0]
    resumed, _ = open_run(run.path)
    assert isinstance(resumed, DistillConfig)
    document.write_text("另一份文件。", encoding="utf-8")
    with pytest.raises(Refused, match="has changed since the run began"):
        job_of(resumed)
    document.write_text("很长。" * 2000, encoding="utf-8")
    with pytest.raises(UserError, match=r"more than the \d+ that medical_qlora reads"):
        job_of(configure(folder, *words))


@pytest.mark.slow
@pytest.mark.parametrize("words", [["loss.beta=1"], ["loss.beta=0.5"], ["train.packing=true"]])
def test_every_divergence_is_learned_packed_or_not(folder: Path, words: list[str]) -> None:
    job, run = begun(folder, *words)
    job.train(run)
    losses = [m["loss"] for m in read_metrics(run.metrics_file) if "loss" in m]
    assert sum(losses[-3:]) < 0.85 * sum(losses[:3])


@pytest.mark.slow
def test_the_recipe_learns_from_a_run_and_reports_its_teacher(tmp_path: Path) -> None:
    (first,) = read_stage(["recipe=medical_qlora", *SMALL, f"runs_dir={tmp_path}/runs"])
    run_chain(first)
    teacher = f"teacher.path={tmp_path}/runs/medical_qlora/latest"
    (second,) = read_stage(["recipe=medical_distill", *SMALL, teacher, f"runs_dir={tmp_path}/runs"])
    run_chain(second)
    (run,) = (tmp_path / "runs" / "medical_distill").iterdir()
    report = json.loads((run / "report/report.json").read_text(encoding="utf-8"))
    assert set(report["systems"]) == {"base", "tuned", "teacher"}
    config, _ = open_run(run)
    assert isinstance(config, DistillConfig) and "latest" not in str(config.teacher.path)
    card = (run / "whole/README.md").read_text(encoding="utf-8")
    assert "`teacher=medical_qlora`" in card and "`loss.beta=0.0`" in card
