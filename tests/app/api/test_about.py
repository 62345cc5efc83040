"""What a service says about its domain; a general one says nothing medical, anywhere."""

from collections.abc import Iterator

import httpx
import pytest

from domains.domain import DOMAINS, find_domain
from domains.knowledge_base import KnowledgeBase
from tests.app.fake_engine import FakeEngine
from tests.app.serving import serving

MEDICAL_WORDS = ("医", "诊", "药", "病", "健康", "120", "doctor", "medic", "health")


def test_a_medical_service_has_its_notices_and_version(client: httpx.Client, knowledge: KnowledgeBase) -> None:
    about = client.get("/v1/about").json()
    assert about["domain"] == "medical" and about["title"]["zh"] == "医学知识问答"
    assert about["knowledge"] == {"version": knowledge.version, "entries": len(knowledge.entries)}
    assert about["levels"]["emergency"]["call"] == "120"
    assert about["notices"]["disclaimer"] == client.post("/v1/qa", json={"question": "你好"}).json()["disclaimer"]


@pytest.fixture
def general() -> Iterator[httpx.Client]:
    with serving(FakeEngine("先确认电源，再看说明书。"), "general") as running, running.client() as client:
        yield client


@pytest.mark.parametrize(
    "question", ["仪器不开机怎么办？", "我爸突然胸痛，出了一身冷汗", "给我开个处方", "今天天气怎么样？"]
)
def test_a_general_model_says_nothing_about_doctors(general: httpx.Client, question: str) -> None:
    # a number by chance could have 120 in it
    answer = general.post("/v1/qa", json={"question": question}, headers={"X-Request-Id": "r"}).json()
    assert answer["answer"] == "先确认电源，再看说明书。" and answer["finish_reason"] == "stop"
    assert (answer["citations"], answer["notice"]) == ([], "")
    assert answer["triage"] == {"level": "routine", "reasons": [], "advice": "", "disposition": "none"}
    said = general.get("/").text + general.get("/v1/about").text + str(answer)
    assert not [word for word in MEDICAL_WORDS if word in said.lower()]


def test_only_medicine_speaks_of_medicine() -> None:
    for name in set(DOMAINS) - {"medical", "hospital"}:
        domain = find_domain(name)
        said = f"{domain.title} {domain.notices}".lower()
        assert not [word for word in MEDICAL_WORDS if word in said], name
