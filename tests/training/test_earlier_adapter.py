"""Training goes on from an earlier adapter: from its values, on its base, with its settings, and says so."""

from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file

from common.errors import Refused, UserError
from common.files import read_json, write_json
from data_recipes.pipeline import build as datasets_of
from models.artifact import AdapterArtifact, Artifact, MergedArtifact, PrefixArtifact, result_files
from models.run_directory import RunDirectory, read_metrics
from tests.training.conftest import TriedRun, small_config
from training.chain import run_chain
from training.provenance import Provenance
from training.stages.sft.config import SftConfig
from training.stages.sft.job import SftJob

WEIGHTS = "adapter_model.safetensors"
BARELY = ("train.max_steps=1", "train.warmup_share=0", "train.learning_rate=1e-7")
"""One step that changes no value by more than its learning rate."""


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Whether values differ by no more than a step of ``BARELY``."""
    return one.keys() == other.keys() and all(torch.allclose(one[n], other[n], rtol=0, atol=2e-7) for n in one)


def job_of(config: SftConfig) -> SftJob:
    return SftJob(config, datasets_of.load(datasets_of.build_or_reuse(config.data, config.source)))


def trained(config: SftConfig) -> tuple[SftJob, RunDirectory]:
    """Trains, and records what the chain records after it, without a merge."""
    job = job_of(config)
    job.prepare()
    run = RunDirectory.create(config.runs_dir, config.name, config)
    Provenance.of(job).save(run)
    job.train(run)
    artifact = job.finish(run)
    artifact.save(artifact.directory(run.path))
    return job, run


def test_training_begins_with_the_values_of_the_adapter_and_records_it(finished: TriedRun) -> None:
    job, run = trained(small_config(finished.folder, f"adapter.path={finished.path}", *BARELY, "merge.enabled=false"))
    assert same(*(load_file(path / "adapter" / WEIGHTS) for path in (finished.path, run.path)))
    rows = job.rows["train"]
    loss = next(line["loss"] for line in read_metrics(run.metrics_file) if "loss" in line)
    first = next(line["loss"] for line in read_metrics(RunDirectory(finished.path).metrics_file) if "loss" in line)
    assert len(rows) and loss != pytest.approx(first, abs=1e-3)  # that of the same rows, with the base alone
    recorded = Provenance.load(run)
    assert recorded is not None and recorded.adapter is not None
    assert recorded.adapter.files == result_files(finished.path / "adapter")
    recorded.refuse_other_adapter(job)
    assert job.adapter is not None
    job.adapter = job.adapter._replace(directory=run.path / "adapter")
    with pytest.raises(
        Refused, match=r"the adapter that training begins with changed(?s:.*)adapter_model\.safetensors"
    ):
        recorded.refuse_other_adapter(job)
    artifact = Artifact.load(run.path / "adapter")
    assert isinstance(artifact, AdapterArtifact) and artifact.continued is not None
    assert artifact.continued.model_version == Artifact.load(finished.path).model_version
    assert artifact.continued.files == recorded.adapter.files


@pytest.mark.slow
def test_going_on_is_a_training_of_its_own_from_these_values_and_merges_into_the_base(finished: TriedRun) -> None:
    config = small_config(finished.folder, f"adapter.path={finished.path}", "train.max_steps=3", "name=goes_on")
    run_chain(config)
    (run,) = finished.folder.glob("runs/goes_on/*")
    artifact = Artifact.load(run)
    assert isinstance(artifact, MergedArtifact) and artifact.merge_proof.passed and artifact.continued is not None
    assert artifact.base == Artifact.load(finished.path).base
    by_hand = job_of(config.model_copy(update={"adapter": config.adapter.model_copy(update={"path": None})}))
    by_hand.prepare()
    own = RunDirectory.create(config.runs_dir, "by_hand", config)
    start = by_hand.method.start

    def starting(model: PeftModel, *arguments: object) -> None:
        start(model, *arguments)  # type: ignore[arg-type]
        values = load_file(finished.path / "adapter" / WEIGHTS)
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.data.copy_(values[name.replace(".default", "")])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(by_hand.method), "start", lambda _, *arguments: starting(*arguments))
        by_hand.train(own)
    one, other = (load_file(path / "adapter" / WEIGHTS) for path in (run, own.path))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_another_base_or_other_settings_are_refused_with_the_difference(finished: TriedRun, tmp_path: Path) -> None:
    adapter = f"adapter.path={finished.path}"
    with pytest.raises(Refused, match=r"other settings(?s:.*)method\.rank: 2 -> 4(?s:.*)method\.alpha: 128.0 -> 16.0"):
        job_of(small_config(finished.folder, adapter, "method.rank=4", "method.alpha=16"))
    with pytest.raises(Refused, match=r"method\.quantisation: null -> nf4"):
        job_of(small_config(finished.folder, adapter, "method.quantisation=nf4"))
    with pytest.raises(Refused, match=r"method: lora -> ptuning_v2"):
        SftJob.check(small_config(finished.folder, adapter, method=("method=ptuning_v2",)))
    with pytest.raises(Refused, match=r"method\.targets: .*-> \['q_proj'\]"):
        job_of(small_config(finished.folder, adapter, "method.targets=[q_proj]"))
    file = finished.base / "model.safetensors"
    values = load_file(file)
    values["model.norm.weight"] += 1
    save_file(values, file, metadata={"format": "pt"})
    with pytest.raises(Refused, match=r"another base model(?s:.*)llama \(\w{12}….* -> llama \(\w{12}…"):
        job_of(small_config(finished.folder, adapter))


def test_a_wrong_adapter_is_refused_before_dataset_and_base_are_built(
    finished: TriedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets_of, "build_or_reuse", lambda *_: pytest.fail("a dataset was built"))
    adapter = f"adapter.path={finished.path}"
    for words in ((f"adapter.path={tmp_path}/nowhere",), (adapter, "method.rank=4"), (adapter, "method.dora=true")):
        with pytest.raises((UserError, Refused), match=r"adapter\.path="):
            run_chain(small_config(finished.folder, *words))


def test_what_is_no_adapter_or_was_changed_is_refused_with_what_to_do(finished: TriedRun, tmp_path: Path) -> None:
    folder = finished.path / "adapter"
    with pytest.raises(UserError, match="no adapter here"):
        job_of(small_config(finished.folder, f"adapter.path={tmp_path}"))
    with pytest.raises(UserError, match=r"adapter\.path does not work with full.*model\.path"):
        small_config(finished.folder, f"adapter.path={folder}", method=("method=full",))
    with pytest.raises(UserError, match=r"pissa begins with a part"):
        small_config(finished.folder, f"adapter.path={folder}", "method.start=pissa")
    settings = read_json(folder / "adapter_config.json")
    write_json(folder / "adapter_config.json", settings | {"lora_alpha": 1})
    with pytest.raises(Refused, match=r"adapter_config\.json was changed"):
        job_of(small_config(finished.folder, f"adapter.path={folder}"))
    (folder / "artifact.json").unlink()
    with pytest.raises(UserError, match="nothing says which base"):
        job_of(small_config(finished.folder, f"adapter.path={folder}"))


@pytest.mark.slow  # two trainings
def test_a_prefix_goes_on_too(finished: TriedRun) -> None:
    prefix = ("method=ptuning_v2", "method.prefix_length=4")
    few = ("train.max_steps=2", "train.learning_rate=1e-1")
    _, run = trained(small_config(finished.folder, *few, "name=first", method=prefix))
    assert isinstance(Artifact.load(run.path / "adapter"), PrefixArtifact)
    more = (f"adapter.path={run.path}", *BARELY, "name=second")
    _, second = trained(small_config(finished.folder, *more, method=prefix))
    assert same(*(load_file(path / "adapter" / WEIGHTS) for path in (run.path, second.path)))
    with pytest.raises(Refused, match=r"method\.prefix_length: 4 -> 5"):
        job_of(small_config(finished.folder, *more, method=(*prefix, "method.prefix_length=5")))
