"""What a run is made from is fixed before its first step: whatever differs later is refused and named."""

import json
import os
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from common.errors import Refused
from common.files import read_json, write_json
from models.artifact import AdapterArtifact, Artifact, MergedArtifact
from models.engines.llamacpp import _Served
from models.engines.local import load_engine
from models.loading import hash_model, load_model
from models.run_directory import RunDirectory
from tests.training.conftest import TriedRun, logged
from training.provenance import Provenance


def began(run: TriedRun) -> Provenance:
    found = Provenance.load(RunDirectory(run.path))
    assert found
    return found


def negate(weights: Path, part: str = "") -> None:
    """Changes the sign of one tensor; the size of the file stays, and its time too."""
    before = weights.stat()
    tensors = load_file(weights)
    name = next(name for name in sorted(tensors) if part in name)
    tensors[name] = -tensors[name]
    save_file(tensors, weights, metadata={"format": "pt"})
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)


def test_a_run_records_what_it_is_made_from_before_its_first_checkpoint(tried: tuple[TriedRun, TriedRun]) -> None:
    interrupted, record = tried[0], began(tried[0])
    assert record.base.sha256 == hash_model(interrupted.base) and record.trained is None
    assert set(record.dataset.sources) == {"rows.jsonl"} and record.config["train"]["max_steps"] == 5
    assert (interrupted.path / "provenance.json").stat().st_mtime_ns <= min(
        path.stat().st_mtime_ns for path in interrupted.path.glob("checkpoints/*/trainer_state.json")
    )
    assert record.splits["train"].dropped == {"over_length": 1} and record.splits["train"].supervised_tokens > 0
    (line,) = (interrupted.path / "dropped.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line).keys() == {"split", "id", "reason"} and json.loads(line)["reason"] == "over_length"


def test_artefact_card_and_report_say_what_was_trained_on(finished: TriedRun) -> None:
    record, artifact = began(finished), Artifact.load(finished.path)
    assert isinstance(artifact, MergedArtifact)
    assert (artifact.dataset_sha256, artifact.base.sha256) == (record.dataset.sha256, record.base.sha256)
    assert artifact.trained_on == record.splits
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= set(artifact.files or {})
    adapter = Artifact.load(finished.path / "adapter")
    assert isinstance(adapter, AdapterArtifact) and adapter.base == artifact.base
    settings = read_json(finished.path / "adapter/adapter_config.json")
    assert settings["base_model_name_or_path"].endswith("/base")
    report = read_json(finished.path / "report/report.json")
    card = (finished.path / "merged/README.md").read_text("utf-8")
    for shown in (report["provenance"]["trained_on"]["train"], card):
        assert "over_length 1" in shown
    assert "over_length 1" in (finished.path / "report/index.html").read_text("utf-8")


def test_another_source_is_refused(interrupted: TriedRun) -> None:
    lines = interrupted.source.read_text("utf-8").splitlines(keepends=True)
    interrupted.source.write_text("".join(lines[:-20]), encoding="utf-8")
    with pytest.raises(Refused, match=r"source files changed(?s:.*)rows\.jsonl: \w{12}… -> \w{12}…(?s:.*)new run"):
        interrupted.resumed()


def test_another_base_is_refused_though_size_and_time_are_the_same(interrupted: TriedRun) -> None:
    began(interrupted)  # with it the hashes of an earlier process are known
    negate(interrupted.base / "model.safetensors", "down_proj")
    with pytest.raises(Refused, match=r"the base model llama in .*\n  - model\.safetensors: \w{12}… -> \w{12}…"):
        interrupted.resumed()


@pytest.mark.parametrize(
    ("before", "now", "shown"),
    [
        ("learning_rate: 0.004", "learning_rate: 0.001", r"train\.learning_rate: 0\.004 -> 0\.001"),
        ("seed: 20261123\nthreads", "seed: 7\nthreads", r"- seed: 20261123 -> 7"),
        ("rank: 2", "rank: 4", r"method\.rank: 2 -> 4"),
        ("dev: 6", "dev: 7", r"data\.splits\.dev: 6 -> 7"),
    ],
)
def test_an_edited_setting_is_refused(interrupted: TriedRun, before: str, now: str, shown: str) -> None:
    interrupted.edit(before, now)
    with pytest.raises(Refused, match=shown):
        interrupted.resumed()


def test_examples_that_become_other_tokens_are_refused(interrupted: TriedRun) -> None:
    record = read_json(interrupted.path / "provenance.json")
    record["splits"]["train"]["sha256"] = "0" * 64
    write_json(interrupted.path / "provenance.json", record)
    with pytest.raises(Refused, match=r"prompt format, tokenizer\) changed(?s:.*)train\.sha256: 000000000000…"):
        interrupted.resumed()


@pytest.mark.parametrize("result", ["merged/model.safetensors", "adapter/adapter_model.safetensors"])
def test_a_changed_result_is_refused_by_the_name_of_its_file(finished: TriedRun, result: str) -> None:
    directory, name = (finished.path / result).parent, Path(result).name
    load_engine(directory)
    negate(finished.path / result)
    for load in (load_engine, _Served.of):
        with pytest.raises(Refused, match=rf"{name} was changed or is damaged"):
            load(directory)


def test_one_flipped_bit_a_missing_and_an_added_file_are_refused(finished: TriedRun) -> None:
    merged = finished.path / "merged"
    flip(merged / "tokenizer.json")
    (merged / "config.json").rename(merged / "config.json.aside")
    (merged / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(Refused) as refused:
        load_model(merged)
    said = str(refused.value)
    assert "tokenizer.json was changed" in said and "config.json is missing" in said and "_model.bin was added" in said


def test_a_changed_adapter_is_not_merged(finished: TriedRun) -> None:
    negate(finished.path / "adapter/adapter_model.safetensors")
    with pytest.raises(Refused, match=r"adapter_model\.safetensors was changed"):
        finished.resumed()


def test_runs_and_results_from_before_hashes_are_used_with_one_line_in_the_log(finished: TriedRun) -> None:
    (finished.path / "provenance.json").unlink()
    for place in (finished.path, finished.path / "merged"):
        values = read_json(place / "artifact.json")
        del values["files"], values["trained_on"]
        write_json(place / "artifact.json", values)
    with logged() as lines:
        for _ in range(2):
            load_engine(finished.path)
    assert sum("its files are not checked" in line for line in lines) == 1
    with logged() as lines:
        finished.trained_again()
    assert sum("began before its provenance was recorded" in line for line in lines) == 1
