"""The loop: a question is asked, a doctor corrects the answer, and the correction becomes training data."""

import json
import time
from pathlib import Path

import pytest

from app.access.keys import ApiKey, KeyFile
from app.audit.file_chain import FileChain
from app.audit.retention import check
from app.config import AccessConfig, AudienceConfig, RecordsConfig
from common.command import read_config
from data_recipes.config import BuildConfig
from data_recipes.pipeline.build import build, load
from domains.knowledge_base import KnowledgeBase
from models.engines.local import load_engine
from tests.app.fake_engine import FakeEngine
from tests.app.serving import CONFIG, serving
from training.chain import run_chain
from training.stages.sft.config import SftConfig

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
    check(FileChain(folder / "records"))


def questions_about(knowledge: KnowledgeBase, number: int) -> list[str]:
    return [f"{entry.names[0]}有哪些症状？" for entry in knowledge.entries if entry.id.startswith("D")][:number]


def test_what_a_doctor_corrects_becomes_an_example_and_a_pair(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    questions = questions_about(knowledge, 8)
    ask_and_correct(tmp_path, knowledge, questions)
    words = ["data=feedback", f"source.path={tmp_path / 'records'}", "data.splits={dev: 1, test: 1}"]
    [config] = read_config("build", [*words, "data.near_duplicates=keep", f"out={tmp_path / 'built'}"], BuildConfig)
    build(config)
    built = load(tmp_path / "built")
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


@pytest.mark.slow  # trains
def test_a_model_that_is_trained_on_corrections_answers_as_corrected(
    knowledge: KnowledgeBase, tmp_path: Path, tiny_base: Path
) -> None:
    questions = questions_about(knowledge, 10)
    ask_and_correct(tmp_path, knowledge, questions)
    words = (
        *("data=feedback", f"source.path={tmp_path / 'records'}", "data.splits={dev: 1, test: 1}"),
        *("data.near_duplicates=keep", "data.workers=1", "model=llama", f"model.path={tiny_base}"),
        *("model.prompt_format=xinglin", "model.dtype=float32", "train.precision=fp32", "method=full"),
        *("train.learning_rate=2e-3", "train.batch_size=4", "train.max_length=96", "train.epochs=60"),
        *("suite=quick", "suite.max_items=1", "suite.max_new_tokens=4", "name=corrected", f"runs_dir={tmp_path}/runs"),
    )
    [config] = read_config("run", list(words), SftConfig)
    run_chain(config)
    (run,) = tmp_path.glob("runs/corrected/*")
    with serving(load_engine(run), "general", config=CONFIG) as running, running.client() as client:
        answers = {q: client.post("/v1/qa", json={"question": q}).json()["answer"] for q in questions}
    as_corrected = [question for question, answer in answers.items() if answer == CORRECTED.format(question[:-5])]
    assert len(as_corrected) >= 8, answers  # all that were trained on
