"""Answers are recorded without what patients wrote, unless that is configured; feedback is kept with its text."""

import asyncio
import json
import stat
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.audit.file_chain import FileChain
from app.audit.records import AuditRecords
from app.audit.retention import check
from app.backends.missing import MissingModel
from app.config import AudienceConfig, RecordsConfig
from app.service import create_app
from app.versions.version import ServedModel
from common.errors import UserError
from domains.domain import NO_KNOWLEDGE, find_domain
from domains.knowledge_base import KnowledgeBase
from tests.app.fake_engine import ANSWER, FakeEngine
from tests.app.serving import CONFIG, serving

QUESTION = "高血压有哪些症状？"


def audience(folder: Path, **more: Any) -> AudienceConfig:
    return AudienceConfig(complaints="电话 000，五个工作日内答复", records=RecordsConfig(folder=folder, **more))


def lines(folder: Path, kind: str) -> list[dict[str, Any]]:
    check(FileChain(folder))
    [file] = folder.glob("audit-*.jsonl")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    records = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return [record for record in records if record["record"] == kind]


def ask(engine: FakeEngine, knowledge: KnowledgeBase, config: AudienceConfig) -> str:
    with serving(engine, "medical", knowledge, audience=config) as running, running.client() as client:
        answer = client.post("/v1/qa", json={"question": QUESTION}).json()
        message = {"role": "user", "content": QUESTION}
        client.post("/v1/chat/completions", json={"model": "fake-1", "messages": [message]})
        client.post("/v1/qa", json={"question": "头痛"})
        engine.failure = RuntimeError("boom")
        client.post("/v1/qa", json={"question": QUESTION})
    return str(answer["request_id"])


def test_every_answer_of_every_api_is_recorded_without_text(
    engine: FakeEngine, knowledge: KnowledgeBase, tmp_path: Path
) -> None:
    first = ask(engine, knowledge, audience(tmp_path / "records"))
    records = lines(tmp_path / "records", "answer")
    assert records[0]["knowledge_sha256"] == knowledge.sha256 and records[0]["key"] == ""
    assert records[0]["request_id"] == first and records[0]["model_version"] == "fake-1"
    assert [record["finish_reason"] for record in records] == ["stop", "stop", "declined", "not_finished"]
    assert [record["asked"] is not None for record in records] == [False, False, True, False]
    assert records[0]["citations"] == ["D001"] and records[0]["triage"]["level"] == "routine"
    assert "高血压" not in str(records)


def test_with_text_a_record_has_what_was_asked_and_answered(
    engine: FakeEngine, knowledge: KnowledgeBase, tmp_path: Path
) -> None:
    ask(engine, knowledge, audience(tmp_path, with_text=True))
    records = lines(tmp_path, "answer")
    assert (records[0]["text"]["question"], records[0]["text"]["answer"]) == (QUESTION, ANSWER)
    assert records[3]["text"]["answer"] == ""


def test_personal_data_in_recorded_texts_is_masked(
    engine: FakeEngine, knowledge: KnowledgeBase, tmp_path: Path
) -> None:
    config = audience(tmp_path, with_text=True)
    earlier = [{"role": "user", "content": "我叫王建国，高血压"}, {"role": "assistant", "content": "请说。"}]
    question = "我的电话13812345678，高血压有哪些症状？"
    with serving(engine, "medical", knowledge, audience=config) as running, running.client() as client:
        client.post("/v1/qa", json={"question": question, "history": earlier})
    [record] = lines(tmp_path, "answer")
    assert "13812345678" not in str(record) and "王建国" not in str(record)
    assert record["text"]["question"] == "我的电话【手机号】，高血压有哪些症状？"


def test_where_nothing_can_be_written_the_service_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write here"):
        AuditRecords(tmp_path / "file" / "records", RecordsConfig())


def test_an_answer_does_not_fail_with_its_record(
    engine: FakeEngine, knowledge: KnowledgeBase, tmp_path: Path, logged: list[str]
) -> None:
    with serving(engine, "medical", knowledge, audience=audience(tmp_path)) as running, running.client() as client:
        (tmp_path / f"audit-{_today()}.jsonl").mkdir()  # in the place of the file
        assert client.post("/v1/qa", json={"question": QUESTION}).json()["answer"] == ANSWER
    assert [line for line in logged if "records:" in line and "not delivered" in line]
    assert not [line for line in logged if "高血压" in line]


def _today() -> str:
    return datetime.now().astimezone().date().isoformat()


def requests(config: AudienceConfig, *bodies: dict[str, Any]) -> list[httpx.Response]:
    app = create_app(ServedModel(MissingModel("m"), find_domain("general"), NO_KNOWLEDGE), CONFIG, audience=config)

    async def post() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            about = await client.get("/v1/about")
            return [about, *[await client.post("/v1/feedback", json=body) for body in bodies]]

    return asyncio.run(post())


def test_feedback_is_kept_and_gets_a_number_and_is_told_how_it_is_answered(tmp_path: Path) -> None:
    complaint = {"kind": "complaint", "text": "回答错了", "contact": "a@b.cn", "about": "r-1"}
    about, kept, empty, odd = requests(
        audience(tmp_path),
        complaint,
        {"kind": "complaint", "text": " "},
        {"kind": "complaint", "text": "x", "about": "a b"},
    )
    assert (about.json()["complaints"], about.json()["feedback"]) == ("电话 000，五个工作日内答复", True)
    assert kept.status_code == 201 and kept.json()["process"] == "电话 000，五个工作日内答复"
    [line] = lines(tmp_path, "feedback")
    assert line["feedback_id"] == kept.json()["feedback_id"]
    assert {key: (line | line["text"])[key] for key in complaint} == complaint
    assert [empty.status_code, odd.status_code] == [400, 400]


def test_without_a_folder_there_is_no_feedback() -> None:
    about, refused = requests(AudienceConfig(), {"kind": "complaint", "text": "回答错了"})
    assert about.json()["feedback"] is False and refused.status_code == 404


def test_feedback_that_cannot_be_written_is_told(tmp_path: Path, logged: list[str]) -> None:
    folder = tmp_path / "records"
    app = create_app(
        ServedModel(MissingModel("m"), find_domain("general"), NO_KNOWLEDGE), CONFIG, audience=audience(folder)
    )

    async def post() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.post("/v1/feedback", json={"kind": "complaint", "text": "回答错了"})

    (folder / f"audit-{_today()}.jsonl").mkdir()
    refused = asyncio.run(post())
    assert refused.status_code == 503 and refused.json()["error"]["code"] == "not_recorded"
    assert [line for line in logged if "is not kept" in line] and not [line for line in logged if "回答错了" in line]


CORRECTION = {"question": QUESTION, "answer": ANSWER, "corrected": "多数人没有症状，要靠量血压发现。"}


@pytest.mark.parametrize(
    ("feedback", "status"),
    [
        ({"kind": "correction", "about": "r-1", "correction": CORRECTION}, 403),  # nobody without a key is a doctor
        ({"kind": "complaint", "about": "r-1", "correction": CORRECTION}, 400),
        ({"kind": "correction", "correction": CORRECTION}, 400),
        ({"kind": "correction", "about": "r-1", "correction": {**CORRECTION, "corrected": " "}}, 400),
        ({"kind": "correction", "about": "r-1"}, 400),
        ({"kind": "correction", "text": "漏了心悸"}, 201),
    ],
)
def test_a_corrected_answer_is_a_doctors_and_whole(tmp_path: Path, feedback: dict[str, Any], status: int) -> None:
    _, response = requests(audience(tmp_path), feedback)
    assert response.status_code == status
