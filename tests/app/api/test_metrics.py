"""``/metrics``: what is counted, who may read it, and that no label has what a person wrote."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.access.keys import ApiKey, KeyFile, Role
from app.config import AccessConfig
from domains.knowledge_base import KnowledgeBase
from tests.app.fake_engine import ANSWER, FakeEngine
from tests.app.serving import Running, serving

QUESTION = "高血压有哪些症状？"


def read(client: httpx.Client) -> dict[tuple[str, ...], float]:
    """The samples by name and values of their labels."""
    shown = client.get("/metrics")
    assert shown.status_code == 200 and shown.headers["Content-Type"].startswith("text/plain")
    families = text_string_to_metric_families(shown.text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_answers_are_counted_and_timed(client: httpx.Client, engine: FakeEngine) -> None:
    before = read(client)
    client.post("/v1/qa", json={"question": QUESTION})
    client.post("/v1/qa", json={"question": QUESTION, "stream": True})
    client.post("/v1/qa", json={"question": "我爸突然胸痛，出了一身冷汗"})
    client.post("/v1/qa", json={"question": "头痛两天了，挂什么科"})
    client.post("/v1/qa", json={})
    client.get("/高血压")
    engine.answer = "高血压的症状是多喝红酒。"  # no entry holds that
    client.post("/v1/qa", json={"question": QUESTION})
    after = read(client)

    def more(*sample: str) -> float:
        return after.get(sample, 0) - before.get(sample, 0)

    assert more("xinglin_requests_total", "/v1/qa", "200") == 5
    assert more("xinglin_requests_total", "/v1/qa", "400") == more("xinglin_requests_total", "(no route)", "404") == 1
    assert more("xinglin_request_seconds_count", "/v1/qa") == 6
    kinds = [more("xinglin_answers_total", kind) for kind in ("model", "entry_words", "emergency", "asked_back")]
    assert kinds == [2, 1, 1, 1]
    assert more("xinglin_triage_total", "emergency") == 1
    assert more("xinglin_claims_total", "held") > 0 and more("xinglin_claims_total", "removed") > 0
    assert more("xinglin_time_to_first_token_seconds_count") == more("xinglin_queue_seconds_count") == 3
    said = 2 * len(ANSWER) + len(engine.answer)
    assert more("xinglin_tokens_total", "answer") == said and more("xinglin_tokens_total", "prompt") > 0
    assert more("xinglin_inter_token_seconds_count") == said - 3
    assert not [sample for sample in after if "高血压" in str(sample)]


def test_what_loops_is_counted(client: httpx.Client, engine: FakeEngine) -> None:
    before = read(client).get(("xinglin_loops_cut_total",), 0)
    engine.answer = "高血压的症状有头痛。" + "头痛、" * 40
    engine.reason = "repetition_detected"
    client.post("/v1/qa", json={"question": QUESTION})
    assert read(client)[("xinglin_loops_cut_total",)] - before == 1


def test_the_queue_and_the_version_are_shown_as_they_are(
    running: Running, client: httpx.Client, engine: FakeEngine
) -> None:
    version = client.get("/readyz").json()["version"]
    shown = read(client)
    assert shown[("xinglin_version", "fake-1", "current", version)] == shown[("xinglin_ready",)] == 1
    assert shown[("xinglin_queue_length", version)] == 0
    assert shown[("xinglin_requests_running", version)] == 1  # this one
    running.backend.drain()
    assert read(client)[("xinglin_ready",)] == 0


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[KeyFile, dict[str, str]]]:
    file = KeyFile(tmp_path_factory.mktemp("metrics") / "keys.sqlite")
    roles: list[Role] = ["admin", "doctor", "monitor"]
    yield file, {role: file.add(ApiKey(role, role, time.time())) for role in roles}


def test_with_keys_only_monitors_and_admins_read_metrics_and_monitors_nothing_else(
    keys: tuple[KeyFile, dict[str, str]], knowledge: KnowledgeBase
) -> None:
    file, by_role = keys
    with (
        serving(FakeEngine(), "general", access=AccessConfig(keys=file.path)) as running,
        running.client() as client,
    ):
        assert client.get("/metrics").status_code == 401
        status = {role: client.get("/metrics", headers=bearer(key)).status_code for role, key in by_role.items()}
        assert status == {"admin": 200, "doctor": 403, "monitor": 200}
        for path in ("/v1/qa", "/v1/feedback"):
            refused = client.post(path, json={"question": QUESTION}, headers=bearer(by_role["monitor"]))
            assert refused.status_code == 403, path
        assert client.get("/v1/admin/keys", headers=bearer(by_role["monitor"])).status_code == 403


def test_where_keys_are_not_required_a_stranger_reads_no_metrics_once_there_are_some(
    keys: tuple[KeyFile, dict[str, str]], tmp_path: Path
) -> None:
    for file, status in ((keys[0].path, 403), (tmp_path / "none.sqlite", 200)):
        access = AccessConfig(keys=file, required="never")
        with serving(FakeEngine(), "general", access=access) as running, running.client() as client:
            assert client.get("/metrics").status_code == status
            assert client.post("/v1/qa", json={"question": QUESTION}).status_code == 200


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
