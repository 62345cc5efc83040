"""The loop: a question is asked, a doctor corrects the answer, and the correction becomes training data."""

import json
import time
from pathlib import Path

from app.access.keys import ApiKey, KeyFile
from app.audit.chain import AuditChain
from app.audit.retention import check
from app.config import AccessConfig, AudienceConfig, RecordsConfig
from domains.knowledge_base import KnowledgeBase
from tests.app.fake_engine import FakeEngine
from tests.app.serving import serving
from tests.data_recipes.conftest import Made

CORRECTED = "{}多数没有特别的表现，要靠检查发现。"


def ask_and_correct(folder: Path, knowledge: KnowledgeBase, questions: list[str]) -> None:
    """Asks each question as a patient's app does, and corrects each answer with a doctor's key."""
    file = KeyFile(folder / "keys.sqlite")
    patient = file.add(ApiKey("app", "patient", time.time()))
    doctor = file.add(ApiKey("dr-li", "doctor", time.time()))
    audience = AudienceConfig(records=RecordsConfig(folder=folder / "records"))
    access = AccessConfig(keys=file.path)
    with (
        serving(FakeEngine(), "medical", knowledge, audience=audience, access=access) as running,
        running.client() as client,
    ):
        for question in questions:
            asks = {"Authorization": f"Bearer {patient}"}
            answer = client.post("/v1/qa", json={"question": question}, headers=asks).json()
            correction = {
                "question": question,
                "answer": answer["answer"],
                "corrected": CORRECTED.format(question[:-5]),
            }
            body = {"kind": "correction", "about": answer["request_id"], "correction": correction}
            assert client.post("/v1/feedback", json=body, headers=asks).status_code == 403
            corrects = {"Authorization": f"Bearer {doctor}"}
            assert client.post("/v1/feedback", json=body, headers=corrects).status_code == 201
    check(AuditChain(folder / "records"))


def questions_about(knowledge: KnowledgeBase, number: int) -> list[str]:
    return [f"{entry.names[0]}有哪些症状？" for entry in knowledge.entries if entry.id.startswith("D")][:number]


def test_what_a_doctor_corrects_becomes_an_example_and_a_pair(
    knowledge: KnowledgeBase, tmp_path: Path, made: Made
) -> None:
    questions = questions_about(knowledge, 8)
    ask_and_correct(tmp_path, knowledge, questions)
    words = ("data.splits={dev: 1, test: 1}", "data.near_duplicates=keep")
    built = made("feedback", "data=feedback", f"source.path={tmp_path / 'records'}", *words)
    examples = [example for split in built.splits.values() for example in split]
    assert len(examples) == 8 and built.manifest.counts.dropped == {"no_correction": 8}
    by_question = {example.prompt[-1].content: example for example in examples}
    assert by_question.keys() == set(questions)
    assert all(by_question[question].answer == CORRECTED.format(question[:-5]) for question in questions)
    assert all(example.rejected and example.rejected != example.answer for example in examples)
    [file] = (tmp_path / "records").glob("audit-*.jsonl")
    kept = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert {record["key"] for record in kept if record["record"] == "answer"} == {"app"}
    assert {(record["key"], record["role"]) for record in kept if record["record"] == "feedback"} == {
        ("dr-li", "doctor")
    }
