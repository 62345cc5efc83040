"""Which model, which domain and which knowledge base a run is served with."""

import os
import shutil
from pathlib import Path

import pytest

from app.config import AppConfig
from app.served import (
    UNTRAINED,
    artifact_of,
    domain_of,
    grounding_of,
    knowledge_of,
    model_path,
    turns_of,
    verified_as,
    within_context,
)
from common.errors import Refused, UserError
from domains.domain import NO_KNOWLEDGE, find_domain
from domains.knowledge_base import KnowledgeBase
from domains.medical.knowledge_base import KNOWLEDGE
from models.artifact import NO_ENTRIES, Artifact, KnowledgeRecord
from tests.artifacts import artifact

MEDICAL = find_domain("medical")


def finished(run: Path, at: int, kind: str = "merged") -> Path:
    record = artifact(kind)
    (run / record.folder).mkdir(parents=True)
    (run / "config.yaml").touch()
    record.save(run)
    os.utime(run / "artifact.json", (at, at))
    return run


def latest(runs: Path) -> Path:
    return model_path(AppConfig(model="latest", runs_dir=runs))


def test_latest_is_the_run_that_finished_last(tmp_path: Path) -> None:
    newest = finished(tmp_path / "medical" / "1", at=3000)
    finished(tmp_path / "medical" / "2", at=1000)
    finished(tmp_path / "math" / "3", at=2000)
    assert latest(tmp_path) == newest


def test_latest_skips_what_cannot_be_served_and_says_why(tmp_path: Path, logged: list[str]) -> None:
    servable = finished(tmp_path / "medical" / "1", at=1000, kind="prefix")
    finished(tmp_path / "subjqa" / "1", at=2000, kind="reader")
    shutil.rmtree(finished(tmp_path / "medical" / "2", at=3000) / "merged")
    damaged = finished(tmp_path / "medical" / "3", at=4000)
    (damaged / "artifact.json").write_text("{}", encoding="utf-8")
    unfinished = tmp_path / "medical" / "4"
    unfinished.mkdir()
    (unfinished / "config.yaml").touch()
    assert latest(tmp_path) == servable
    text = "".join(logged)
    for reason in (
        "an extractive reader",
        "merged/ is missing",
        "format_version is missing",
        "it has not finished",
    ):
        assert reason in text


def test_where_no_run_can_be_served_each_says_why(tmp_path: Path) -> None:
    finished(tmp_path / "subjqa" / "1", at=2000, kind="reader")
    with pytest.raises(UserError, match=r"no run can be served yet\n.*subjqa/1: an extractive reader"):
        latest(tmp_path)


def test_what_is_no_model_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such directory"):
        model_path(AppConfig(model="no/such/model"))
    with pytest.raises(UserError, match=r"no model here \(config\.json is missing\)"):
        model_path(AppConfig(model=str(tmp_path)))
    (tmp_path / "config.yaml").touch()
    with pytest.raises(UserError, match=r"has not finished(?s:.*)training/run\.py resume="):
        model_path(AppConfig(model=str(tmp_path)))
    (tmp_path / "model.gguf").touch()
    with pytest.raises(UserError, match=r"this is a file(?s:.*)models\.convert"):
        model_path(AppConfig(model=str(tmp_path / "model.gguf")))


def test_the_domain_is_the_artefacts_unless_another_is_chosen() -> None:
    assert domain_of(artifact("merged", domain="medical"), None).name == "medical"
    assert domain_of(artifact("merged", domain="medical"), "mathematics").name == "mathematics"
    assert domain_of(None, "medical").name == "medical"


def test_a_model_without_a_domain_is_general_and_that_is_said(logged: list[str]) -> None:
    assert domain_of(artifact("merged"), None).name == domain_of(None, None).name == "general"
    assert "".join(logged).count("served as general") == 2


def test_a_domain_that_is_not_here_is_refused_unless_another_is_chosen() -> None:
    with pytest.raises(UserError, match="the domain alchemy, which is not in domains/"):
        domain_of(artifact("merged", domain="alchemy"), None)
    assert domain_of(artifact("merged", domain="alchemy"), "general").name == "general"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A team's own knowledge base: the shipped one with another entry's definition."""
    folder = tmp_path / "own"
    shutil.copytree(KNOWLEDGE.schema.folder, folder)
    _change(folder)
    return folder


def _change(folder: Path) -> None:
    file = folder / "departments.jsonl"
    file.write_text(
        file.read_text(encoding="utf-8").replace('"definition": "', '"definition": "本院', 1), encoding="utf-8"
    )


def trained_on(folder: Path) -> Artifact:
    record = KnowledgeRecord(path=str(folder), sha256=KNOWLEDGE.load(folder).sha256)
    return artifact("merged", domain="medical", knowledge=record)


def test_what_the_model_was_trained_on_is_cited(own: Path, knowledge: KnowledgeBase) -> None:
    cited = knowledge_of(trained_on(own), MEDICAL, None)
    assert cited.sha256 == KNOWLEDGE.load(own).sha256 != knowledge.sha256


def test_the_shipped_one_is_known_by_its_hash_wherever_it_was(knowledge: KnowledgeBase) -> None:
    record = KnowledgeRecord(path="/another/machine/knowledge", sha256=knowledge.sha256)
    assert (
        knowledge_of(artifact("merged", domain="medical", knowledge=record), MEDICAL, None).sha256 == knowledge.sha256
    )


@pytest.mark.parametrize("loss", ["changed", "gone", "damaged"])
def test_what_is_changed_or_gone_is_not_replaced_silently(own: Path, loss: str) -> None:
    model = trained_on(own)
    if loss == "changed":
        _change(own)
    elif loss == "gone":
        shutil.rmtree(own)
    else:
        (own / "departments.jsonl").write_text("{", encoding="utf-8")
    says = {"changed": "have changed", "gone": "it is missing", "damaged": "can no longer be read"}[loss]
    with pytest.raises(UserError, match=says) as refused:
        knowledge_of(model, MEDICAL, None)
    assert str(own) in str(refused.value) and "knowledge.path=" in str(refused.value)


def test_a_chosen_knowledge_base_is_cited_and_the_difference_is_said(
    own: Path, knowledge: KnowledgeBase, logged: list[str]
) -> None:
    assert knowledge_of(trained_on(own), MEDICAL, KNOWLEDGE.schema.folder).sha256 == knowledge.sha256
    assert "not the knowledge base that the model was trained on" in "".join(logged)
    assert knowledge_of(None, MEDICAL, own).sha256 == KNOWLEDGE.load(own).sha256


def test_another_domain_cites_its_own(own: Path) -> None:
    assert knowledge_of(trained_on(own), find_domain("general"), None) is NO_KNOWLEDGE
    with pytest.raises(UserError, match="the domain general cites no knowledge base"):
        knowledge_of(None, find_domain("general"), own)


def test_artefacts_of_before_can_be_read(tmp_path: Path) -> None:
    values = artifact("merged").model_dump()
    older = {key: value for key, value in values.items() if key not in ("domain", "knowledge")}
    Artifact.parse(older).save(tmp_path)
    assert artifact_of(tmp_path) == artifact("merged")
    assert artifact_of(tmp_path / "elsewhere") is None


TRAINED = UNTRAINED.model_copy(update={"entries": 2, "attributes": 1, "budget": 300})


def test_entries_are_read_as_in_training_unless_another_is_chosen(knowledge: KnowledgeBase, logged: list[str]) -> None:
    grounded, closed_book = artifact("merged", grounding=TRAINED), artifact("merged", grounding=NO_ENTRIES)
    assert grounding_of(grounded, knowledge, "auto") == grounding_of(grounded, knowledge, "entries") == TRAINED
    assert grounding_of(grounded, knowledge, "none") == grounding_of(closed_book, knowledge, "auto") == NO_ENTRIES
    assert grounding_of(None, knowledge, "entries") == UNTRAINED and logged == []
    assert grounding_of(closed_book, knowledge, "entries") == UNTRAINED
    assert len(logged) == 1 and "trained without entries" in logged[0]


@pytest.mark.parametrize("model", [artifact("merged"), None])
def test_a_model_that_says_nothing_about_entries_is_served_without_and_that_is_logged(
    model: Artifact | None, knowledge: KnowledgeBase, logged: list[str]
) -> None:
    assert grounding_of(model, knowledge, "auto") == NO_ENTRIES
    assert len(logged) == 1 and "served without" in logged[0]


def test_another_template_than_in_training_is_refused(knowledge: KnowledgeBase) -> None:
    changed = artifact("merged", grounding=TRAINED.model_copy(update={"sha256": "ab" * 32}))
    with pytest.raises(Refused, match="has changed since"):
        grounding_of(changed, knowledge, "auto")
    assert grounding_of(changed, knowledge, "none") == NO_ENTRIES


def test_entries_need_a_knowledge_base(logged: list[str]) -> None:
    with pytest.raises(UserError, match="no knowledge base to read entries from"):
        grounding_of(None, NO_KNOWLEDGE, "entries")
    assert grounding_of(artifact("merged", grounding=TRAINED), NO_KNOWLEDGE, "auto") == NO_ENTRIES
    assert "this domain has none" in "".join(logged)


def test_entries_leave_half_of_the_context_for_the_conversation(logged: list[str]) -> None:
    assert within_context(TRAINED, 1024) == TRAINED and logged == []
    assert within_context(TRAINED, 400).budget == 200 and "200 tokens" in "".join(logged)


def test_a_model_gets_of_a_conversation_what_it_was_trained_on(logged: list[str]) -> None:
    assert turns_of(artifact("merged", turns="multi")) == turns_of(None) == "multi"
    assert turns_of(artifact("whole", turns="single")) == "single" and logged == []
    assert turns_of(artifact("merged")) == "single" and "one question at a time" in "".join(logged)


def test_claims_are_verified_as_the_domain_says_unless_chosen_otherwise() -> None:
    assert verified_as(MEDICAL, None).verify == MEDICAL.verify == "strict"
    assert verified_as(MEDICAL, "mark").verify == "mark"
    assert verified_as(find_domain("documents"), "off").verify == "off"
    assert verified_as(find_domain("documents"), None).verify == "mark"
    assert verified_as(find_domain("hospital"), None).verify == "strict"
    with pytest.raises(UserError, match="claims of the domain general cannot be checked"):
        verified_as(find_domain("general"), "strict")
