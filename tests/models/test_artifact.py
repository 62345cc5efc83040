"""Artefacts: every kind says what is needed to load it, and those of earlier versions are read."""

from pathlib import Path
from typing import Any

import pytest

from common.errors import UserError
from common.files import read_json, write_json
from models.artifact import (
    KINDS,
    AdapterArtifact,
    Artifact,
    BesideBaseArtifact,
    LanguageModelArtifact,
    MergedArtifact,
    PrefixArtifact,
    ReaderArtifact,
)
from models.run_directory import RunDirectory
from tests.artifacts import COMMON, OF_KIND, PROOF, artifact

FORMAT_1: dict[str, Any] = {
    "format_version": 1,
    "kind": "merged",
    "model_version": "medical_qlora-20261123-101500",
    "method": "lora",
    "base": {
        "name": "embedded",
        "path": "/cache/models/embedded-1",
        "sha256": "0" * 64,
        "family": "llama",
        "norm_head": None,
        "rope_ratio": None,
    },
    "quantisation": "nf4",
    "prompt_format": "xinglin",
    "prompt_format_sha256": "cd" * 32,
    "dataset": "/cache/datasets/medical-1",
    "dataset_sha256": "ef" * 32,
    "merge_proof": PROOF,
    "why_not_merged": "",
    "versions": {"torch": "2.13"},
}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({}, MergedArtifact),
        ({"kind": "adapter", "merge_proof": None, "why_not_merged": "merge.enabled=false"}, AdapterArtifact),
        ({"kind": "adapter", "why_not_merged": "refused"}, AdapterArtifact),
        (
            {"kind": "prefix", "merge_proof": None, "quantisation": None, "why_not_merged": "a prefix …"},
            PrefixArtifact,
        ),
        (
            {
                "kind": "reader",
                "merge_proof": None,
                "quantisation": None,
                "prompt_format": "",
                "prompt_format_sha256": "",
            },
            ReaderArtifact,
        ),
    ],
)
def test_format_1_is_read_as_its_kind(values: dict[str, Any], kind: type[Artifact], tmp_path: Path) -> None:
    write_json(tmp_path / "artifact.json", FORMAT_1 | values)
    found = Artifact.load(tmp_path)
    assert type(found) is kind and found.base.name == "embedded" and found.dtype == "auto"
    found.save(tmp_path)
    assert Artifact.load(tmp_path) == found and read_json(tmp_path / "artifact.json")["format_version"] == 2


@pytest.mark.parametrize("kind", OF_KIND)
def test_every_kind_comes_back_as_it_was_saved(kind: str, tmp_path: Path) -> None:
    saved = artifact(kind, domain="medical", knowledge={"path": "/k", "sha256": "ab" * 32})
    saved.save(tmp_path)
    assert Artifact.load(tmp_path) == saved and saved.kind == kind
    assert len(OF_KIND) == len(KINDS)


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "merged"},  # without a proof
        {"kind": "prefix", "why_not_merged": ""},
        {"kind": "reader", "prompt_format": "xinglin"},
        {"kind": "soup"},
        {"kind": "reader", "format_version": 3},
    ],
)
def test_what_is_no_artefact_is_refused_with_its_place(values: dict[str, Any], tmp_path: Path) -> None:
    write_json(tmp_path / "artifact.json", COMMON | values)
    with pytest.raises(UserError, match="not an artefact of this version") as refused:
        Artifact.load(tmp_path)
    assert str(tmp_path / "artifact.json") in str(refused.value)


def test_entries_in_prompts_are_recorded_whole_or_not_at_all(tmp_path: Path) -> None:
    older = artifact("merged").model_dump(exclude={"grounding"})
    write_json(tmp_path / "artifact.json", older)
    found = Artifact.load(tmp_path)
    assert isinstance(found, LanguageModelArtifact) and found.grounding is None
    write_json(tmp_path / "artifact.json", older | {"grounding": {"kind": "entries", "template": "entries_1"}})
    with pytest.raises(UserError, match="template, sha256, entries, attributes and budget"):
        Artifact.load(tmp_path)


def test_an_artefact_without_its_version_is_refused(tmp_path: Path) -> None:
    values = artifact("merged").model_dump()
    del values["format_version"]
    write_json(tmp_path / "artifact.json", values)
    with pytest.raises(UserError, match="format_version is missing"):
        Artifact.load(tmp_path)


@pytest.mark.parametrize("kind", OF_KIND)
def test_a_result_is_found_from_its_run_and_from_itself(kind: str, tmp_path: Path) -> None:
    record = artifact(kind)
    result = tmp_path / record.folder
    result.mkdir()
    assert record.directory(tmp_path) == record.directory(result) == result
    assert RunDirectory.of(result).path == RunDirectory.of(tmp_path).path == tmp_path


def test_only_language_models_answer_in_words_and_only_some_need_their_base() -> None:
    kinds = {name: artifact(name) for name in OF_KIND}
    assert {name for name, record in kinds.items() if isinstance(record, LanguageModelArtifact)} == {
        *("merged", "whole", "adapter", "prefix", "experts")
    }
    assert {name for name, record in kinds.items() if isinstance(record, BesideBaseArtifact)} == {
        *("adapter", "prefix", "experts")
    }
    assert "python -m app" in kinds["whole"].how_to_use(Path("x"))
    assert "question-answering" in kinds["reader"].how_to_use(Path("x"))
