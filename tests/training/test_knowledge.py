"""A run belongs to one domain: what its base reads, what its artefact records, and what is rejected as inconsistent."""

import shutil
from pathlib import Path

import pytest
import yaml

from common.command import read_config
from common.errors import UserError
from domains.domain import find_domain
from training.base import find_base
from training.knowledge import knowledge_of
from training.stages import open_run
from training.stages.extractive.config import ExtractiveConfig
from training.stages.sft.config import SftConfig


class _Read(Exception):
    """Stops a build as soon as it is known what is read."""


@pytest.fixture
def read_by_base(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the next embedded base or stand-in would read."""
    read: list[str] = []

    def build_or_reuse(corpus: list[str], config: object) -> Path:
        read.extend(corpus)
        raise _Read

    monkeypatch.setattr("models.embedded.build_or_reuse", build_or_reuse)
    monkeypatch.setattr("models.stand_ins.build_or_reuse", build_or_reuse)
    return read


def run(*words: str) -> SftConfig:
    [config] = read_config("run", list(words), SftConfig)
    return config


@pytest.mark.parametrize(
    ("words", "domain"),
    [
        (("recipe=medical_qlora",), "medical"),
        (("recipe=instruments_qlora",), "instruments"),
        (("recipe=instruments_qlora", "model=tiny_chatglm2"), "instruments"),
        (("recipe=instruments_qlora", "model.embedded.corpus=medical"), "medical"),
        (("recipe=image_prompt",), "medical"),
        (("recipe=grounded",), "medical"),  # a folder is too little to learn Chinese from
    ],
)
def test_a_base_that_is_built_here_reads_the_prose_of_its_domain(
    words: tuple[str, ...], domain: str, read_by_base: list[str]
) -> None:
    with pytest.raises(_Read):
        find_base(run(*words))
    assert read_by_base == find_domain(domain).prose()


@pytest.mark.parametrize("key", ["knowledge.path", "source.path"])
def test_a_knowledge_base_of_ones_own_is_read_and_recorded(key: str, tmp_path: Path, read_by_base: list[str]) -> None:
    knowledge = find_domain("instruments").knowledge
    assert knowledge is not None
    own = Path(shutil.copytree(knowledge.schema.folder, tmp_path / "own"))
    faults = own / "faults.jsonl"
    faults.write_text(faults.read_text(encoding="utf-8").replace("预热时间不足", "开机时间太短"), encoding="utf-8")
    config = run("recipe=instruments_qlora", f"{key}={own}")
    with pytest.raises(_Read):
        find_base(config)
    assert "开机时间太短" in "".join(read_by_base)
    record = knowledge_of(config)
    assert record is not None
    assert record.path == str(own.resolve()) and record.sha256 != knowledge.load().sha256


def test_a_domain_without_knowledge_records_none() -> None:
    [config] = read_config("extractive", ["source.path=reviews"], ExtractiveConfig)
    assert config.domain == "general" and knowledge_of(config) is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("data=instruments",), "give domain=instruments"),
        (("data=grounded",), "these do: documents, hospital"),
        (("knowledge.path=one", "source.path=two"), "give knowledge.path and no source.path"),
        (("domain=alchemy",), "instruments"),
    ],
)
def test_what_does_not_fit_together_is_reported(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        run("recipe=medical_qlora", *words)


def test_a_run_from_before_there_were_domains_is_medical(tmp_path: Path) -> None:
    values = run("recipe=medical_qlora").model_dump(mode="json")
    del values["domain"], values["knowledge"], values["source"]["domain"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    config, _ = open_run(tmp_path)
    assert config.domain == "medical"


def test_a_run_under_earlier_names_of_its_keys_is_resumed(tmp_path: Path) -> None:
    values = run("recipe=medical_knowledge").model_dump(mode="json")
    values["data"]["suites"] = values["data"].pop("protected_sets")
    values["source"]["kind"] = "medical_knowledge"
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    config, _ = open_run(tmp_path)
    assert config == run("recipe=medical_knowledge")


def test_a_run_of_a_later_version_is_refused_with_its_key(tmp_path: Path) -> None:
    values = run("recipe=medical_qlora").model_dump(mode="json")
    values["train"]["telepathy"] = True
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    with pytest.raises(UserError, match=r"train\.telepathy.*\n.*resume it with the version"):
        open_run(tmp_path)
