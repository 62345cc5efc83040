"""A service of a domain other than medicine: it cites its own entries, applies its own rules and mentions no doctor."""

import json
import re
from collections.abc import Iterator

import httpx
import pytest

from domains.instruments.knowledge_base import KNOWLEDGE
from tests.app.fake_engine import FakeEngine
from tests.app.serving import serving

MEDICAL = re.compile("医生|医院|就医|就诊|急诊|120|用药|处方|患者|健康")


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with serving(FakeEngine(), "instruments", KNOWLEDGE.load()) as server, server.client() as client:
        yield client


def ask(client: httpx.Client, question: str) -> dict[str, object]:
    answer: dict[str, object] = client.post("/v1/qa", json={"question": question}).raise_for_status().json()
    return answer


def test_its_own_entries_are_cited(client: httpx.Client) -> None:
    answer = ask(client, "离心机振动过大怎么处理？")
    assert [citation["id"] for citation in answer["citations"]] == ["F002"]  # type: ignore[attr-defined, index]
    assert "立即按停止键" in json.dumps(answer["citations"], ensure_ascii=False)


@pytest.mark.parametrize("question", ["摸水浴锅外壳手发麻，怎么办？", "菌液泼洒在台面上了"])
def test_its_own_rules_come_first(client: httpx.Client, question: str) -> None:
    answer = ask(client, question)
    assert answer["triage"]["level"] == "emergency"  # type: ignore[index]
    assert str(answer["answer"]).startswith("请立即停止操作，")


@pytest.mark.parametrize(
    "question", ["离心机振动过大怎么处理？", "摸水浴锅外壳手发麻，怎么办？", "今天天气怎么样？", "高血压有哪些症状？"]
)
def test_it_names_no_doctor(client: httpx.Client, question: str) -> None:
    answer = ask(client, question)
    del answer["metadata"], answer["request_id"]  # a random id may hold any digits
    said = json.dumps({**answer, "answer": str(answer["answer"]).replace(question, "")}, ensure_ascii=False)
    assert not MEDICAL.search(said), said


def test_the_page_names_no_doctor(client: httpx.Client) -> None:
    about = client.get("/v1/about").raise_for_status()
    assert about.json()["domain"] == "instruments" and not MEDICAL.search(about.text)
